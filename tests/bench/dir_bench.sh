# A copy of /usr/include into a directory on tmpfs against GNU `cp -a` into the same tmpfs: the ratio of
# the medians, and what processor time each took. They take turns (A B B A), so that a machine's moods
# hit both alike.
#
#   DIR_BENCH_ROUNDS=N   turns of A B B A (3)
#   DIR_BENCH_TREE=DIR   the tree of small files (/usr/include)
TMPDIR=/dev/shm
[[ "$(stat -f -c %T "$TMPDIR" 2> /dev/null)" == tmpfs ]] || { echo "-- skipped: $TMPDIR is no tmpfs"; exit 77; }
. "$(dirname "$0")/bench.sh"
rounds="${DIR_BENCH_ROUNDS:-$(usually 3 1)}"
tree="${DIR_BENCH_TREE:-/usr/include}"
tree_mib="$(du -sm "$tree" | cut -f 1)"
available_mib="$(df -BM --output=avail "$WORK" | tail -n 1 | tr -dc 0-9)"
[[ $available_mib -gt $((tree_mib * 2 + 256)) ]] || skip "too little room on $TMPDIR: $available_mib MiB"

# timed NAME COMMAND...: microseconds of the clock to $WORK/NAME.us, seconds of processors to NAME.cpu.
timed() {
  local name="$1" began
  shift
  began="${EPOCHREALTIME/[.,]/}"
  (
    TIMEFORMAT='%U %S'
    { time "$@" > "$WORK/out" 2>&1 < /dev/null; } 2>> "$WORK/$name.cpu"
  ) || fail "$name: $(cat "$WORK/out")"
  echo $((${EPOCHREALTIME/[.,]/} - began)) >> "$WORK/$name.us"
}
with_cp() {
  rm -rf "$WORK/to"
  timed cp cp -a "$tree" "$WORK/to"
}
with_holdfast() {
  rm -rf "$WORK/to"
  mkdir "$WORK/to"
  timed holdfast "$HOLDFAST" copy "$tree" "dir://$WORK/to" --quiet
}

with_cp # Both find the source in memory.
with_holdfast
rm -f "$WORK"/*.us "$WORK"/*.cpu
for ((round = 0; round < rounds; round++)); do
  with_cp
  with_holdfast
  with_holdfast
  with_cp
done

median() { sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
cpu() { awk '{ print $1 + $2 }' "$WORK/$1.cpu" | median; }
cp_us="$(median < "$WORK/cp.us")"
our_us="$(median < "$WORK/holdfast.us")"
say "$(awk -v cp="$cp_us" -v our="$our_us" -v cp_cpu="$(cpu cp)" -v our_cpu="$(cpu holdfast)" -v tree="$tree" -v mib="$tree_mib" 'BEGIN {
  printf "%s (%d MiB) on tmpfs, dir:// against cp -a: %.2f times as fast (goal 1.00, %s): %.3f s against %.3f s; processors %.2f s against %.2f s",
    tree, mib, cp / our, (our > cp) ? "MISSED" : "met", our / 1e6, cp / 1e6, our_cpu, cp_cpu }')"
