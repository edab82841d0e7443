# Whenever and however a comparison is ended, its servers, its copies and their files go with it.
. "$(dirname "$0")/lib.sh"
need nbdkit nbd-server
make_big_tree "$WORK/tree" 384
mkdir "$WORK/storage"

echo "$WORK/storage" > "$WORK/pattern"  # A command line that held it would be found as well.
about_storage() { grep -lsF -f "$WORK/pattern" /proc/[0-9]*/cmdline || true; }
is_clean() { [[ -z "$(about_storage)" && -z "$(ls -A "$WORK/storage")" ]]; }

# end_at WORDS SIGNAL CODE: when a line with WORDS has appeared, SIGNAL is sent.
end_at() {
  local words="$1" signal="$2" code="$3" log="$WORK/compare.log" got=0
  rm -f "$log" "$WORK/c.json"
  # A shell without job control starts background processes deaf to SIGINT; python gives it back.
  start compare python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$HOLDFAST" compare "$WORK/tree" --servers local,holdfastd,nbdkit,nbd-server \
    --storage "$WORK/storage" --json "$WORK/c.json" --stall 30s --hang 60s
  local compare="$PID"
  wait_until 60 grep -qE "$words" "$log" || fail "no line with '$words'"
  kill "-$signal" "$compare"
  wait_until 30 eval "! is_alive $compare" || fail "it still runs 30 s after SIG$signal at '$words'"
  wait "$compare" || got=$?
  [[ $got -eq $code ]] || fail "exit code $got, not $code, after SIG$signal at '$words'"
  wait_until 30 is_clean || fail "after SIG$signal at '$words' there is: $(about_storage) $(ls "$WORK/storage")"
  say "SIG$signal at '$words': clean"
}

for words in 'reading it into memory' 'starting nbd-server' 'of 3, nbdkit: nbd' 'copying: ' 'verifying: ' 'local: STEADY'; do
  end_at "$words" INT 130
  end_at "$words" KILL 137
done
end_at 'nbdkit: STEADY' TERM 143
# What was done before is told all the same.
expect_says '^INTERRUPTED|^STEADY|nterrupted' "$WORK/compare.log"
expect_json "$WORK/c.json" 'run["exit_code"] == 143 and any(r["in_comparison"]["label"] == "nbdkit" for r in run["runs"])'
