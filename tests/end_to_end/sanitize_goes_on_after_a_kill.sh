# SANITIZE is cut off by kill -9, and by SIGTERM. Each time the next daemon goes on with it by itself, says in REQUEST
# SENSE how far it is, and serves nobody the data; in the end nothing of the old data is left.
. "$(dirname "$0")/lib.sh"
need sg_sanitize sg_requests sg_turs sg_raw
readonly not_ready=2 megabytes=256 passes=4
head -c "${megabytes}M" /dev/urandom > "$WORK/image"
printf 'HFST' > "$WORK/pattern"
one_lun "$WORK/image" IOMode=wt
start_holdfastd --state-dir "$WORK/state"
use_sg_tools
expect_exit 0 "${of[@]}" host sg_sanitize --overwrite --pattern="$WORK/pattern" --count="$passes" --invert --quick --early @
grep -q '^job ' "$WORK"/state/*.unit || fail "the answer came before the plan was kept"

# progress: percent; nothing when it is through.
progress() { "${of[@]}" host sg_requests --progress @ 2>&1 | sed -nE 's/.*[Pp]rogress indication: *([0-9]+).*/\1/p' | head -n 1; }
is_through() { "${of[@]}" host sg_turs @ > "$WORK/turs.out" 2>&1; }
seen=-1
for signal in KILL TERM; do
  sleep 0.5
  kill -"$signal" "$DAEMON"
  [[ "$signal" == KILL ]] || expect_exit_of "$DAEMON" 0 30 "holdfastd after SIGTERM"
  wait "$DAEMON" 2> /dev/null || true
  start_holdfastd --state-dir "$WORK/state"
  percent="$(progress)"
  say "after SIG$signal: ${percent:-through}${percent:+ %}"
  [[ -n "$percent" ]] || is_through || fail "neither at work nor through: $(cat "$WORK/turs.out")"
  [[ -n "$percent" ]] || break
  [[ "$percent" -ge "$seen" ]] || fail "it began anew: $percent % after $seen %"
  seen="$percent"
  got=0
  "${of[@]}" host sg_raw -r 512 @ 28 00 00 00 00 00 00 00 01 00 > "$WORK/out" 2>&1 || got=$?
  [[ $got -eq $not_ready ]] || is_through || fail "it was read meanwhile: $(cat "$WORK/out")"
done
[[ "$seen" -ge 0 ]] || fail "it was through before the first kill"
wait_until 100 is_through || fail "it does not end: $(cat "$WORK/turs.out")"
stop_holdfastd
! grep -q '^job ' "$WORK"/state/*.unit || fail "it would begin anew at the next start"
python3 - "$WORK/image" "$megabytes" << 'PYTHON' || fail "something of the old data is left"
import sys
expected = b"HFST" * (1 << 18)
with open(sys.argv[1], "rb") as image:
    for megabyte in range(int(sys.argv[2])):
        if image.read(1 << 20) != expected:
            sys.exit(f"megabyte {megabyte} is not the pattern")
PYTHON
