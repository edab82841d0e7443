# How much many calls in flight are worth: a copy onto nfs-ganesha against the same copy with one call in
# flight. The two take turns (A B B A), and medians are compared.
#
#   NFS_BENCH_ROUNDS=N   turns of A B B A (1)
#   NFS_BENCH_TREE=DIR   what is copied (/usr/include)
. "$(dirname "$0")/bench.sh"
rounds="${NFS_BENCH_ROUNDS:-1}"
tree="${NFS_BENCH_TREE:-/usr/include}"
start_ganesha 4
tar -cf - -C "$tree" . 2> "$WORK/tar.log" | cat > /dev/null  # Both sides find the source in memory.

# What was copied stays until the end. ext4 does not take an inode that was freed in the last minutes, and looks
# at each of them before it passes over it: after `rm -rf` of a copy this would be most of what is measured.

copies=0
# timed NAME REQUESTS: how long a copy took, in microseconds, is added to $WORK/NAME.us.
timed() {
  local began="${EPOCHREALTIME/[.,]/}"
  copies=$((copies + 1))
  LIMIT=600 expect_exit 0 "$HOLDFAST" copy "$tree" "${URL/export/export/$copies}&requests=$2" --quiet --stall 60s --hang 120s
  echo $((${EPOCHREALTIME/[.,]/} - began)) >> "$WORK/$1.us"
}
median() { sort -n "$WORK/$1.us" | awk '{ v[NR] = $1 } END { print int((v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2) }'; }

for ((round = 0; round < rounds; round++)); do
  timed one 1
  timed many 64
  timed many 64
  timed one 1
done
# It is reported and never fails: a busy machine must not decide whether a change is right.
say "$tree, nfs:// with 64 calls in flight against one: $(awk -v s="$(median one)" -v f="$(median many)" 'BEGIN {
  printf "%.2f times as fast (goal 2, %s): %.3f s against %.3f s", s / f, s / f < 2 ? "MISSED" : "met", f / 1e6, s / 1e6 }')"
