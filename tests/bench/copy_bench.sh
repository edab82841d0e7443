# How fast a copy is, as ratios of one run: against mke2fs -d for one big file and for /usr/include,
# and over iSCSI on loopback against an image file. All on tmpfs. What is compared takes turns
# (A B B A), and medians are compared, so that a machine's moods hit both sides alike.
#
#   COPY_BENCH_ROUNDS=N   turns of A B B A (2)
#   COPY_BENCH_MIB=N      the big file's size (1024)
#   COPY_BENCH_TREE=DIR   the tree of small files (/usr/include)
TMPDIR=/dev/shm
[[ "$(stat -f -c %T "$TMPDIR" 2> /dev/null)" == tmpfs ]] || { echo "-- skipped: $TMPDIR is no tmpfs"; exit 77; }
. "$(dirname "$0")/bench.sh"
need mke2fs
rounds="${COPY_BENCH_ROUNDS:-$(usually 2 1)}"
mib="${COPY_BENCH_MIB:-$(usually 1024 256)}"
tree="${COPY_BENCH_TREE:-/usr/include}"
available_mib="$(df -BM --output=avail "$WORK" | tail -n 1 | tr -dc 0-9)"
[[ $available_mib -gt $((mib * 5 / 2 + 1024)) ]] || skip "too little room on $TMPDIR: $available_mib MiB"

us_now() { echo "${EPOCHREALTIME/[.,]/}"; }

# timed NAME COMMAND...: how long it took, in microseconds, is added to $WORK/NAME.us.
timed() {
  local name="$1" began
  shift
  began="$(us_now)"
  expect_exit 0 "$@"
  echo $(($(us_now) - began)) >> "$WORK/$name.us"
}

median() { sort -n "$WORK/$1.us" | awk '{ v[NR] = $1 } END { print int((v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2) }'; }

# An image of its own for each go, so that none finds pages that another one left.
fresh_image() {
  rm -f "$WORK/image"
  truncate -s "$1" "$WORK/image"
}

with_mke2fs() {
  fresh_image "$3"
  timed "$1.mke2fs" mke2fs -q -F -t ext4 -d "$2" "$WORK/image"
}

with_file() {
  fresh_image "$3"
  timed "$1.file" "$HOLDFAST" copy "$2" "file://$WORK/image" --quiet
}

with_iscsi() {
  fresh_image "$3"
  one_lun "$WORK/image" IOMode=wb
  start_holdfastd
  timed "$1.iscsi" "$HOLDFAST" copy "$2" "$URL" --quiet
  stop_holdfastd
}

# take_turns A B NAME SOURCE IMAGE-BYTES
take_turns() {
  local a="$1" b="$2" round
  shift 2
  rm -f "$WORK/$1".*.us
  for ((round = 0; round < rounds; round++)); do
    "$a" "$@"
    "$b" "$@"
    "$b" "$@"
    "$a" "$@"
  done
}

# ratio WHAT SLOW FAST GOAL: how many times as fast FAST is as SLOW, and whether that meets the goal. It
# is reported and never fails: a busy machine must not decide whether a change is right.
ratio() {
  local slow fast
  slow="$(median "$2")"
  fast="$(median "$3")"
  say "$1: $(awk -v s="$slow" -v f="$fast" -v goal="$4" 'BEGIN {
    printf "%.2f times as fast (goal %.2f, %s): %.3f s against %.3f s",
      s / f, goal, s / f < goal ? "MISSED" : "met", f / 1e6, s / 1e6 }')"
}

mkdir "$WORK/big"
head -c "${mib}M" /dev/urandom > "$WORK/big/file"
big_image=$((mib * 5 / 4 + 128))M
tree_mib="$(du -sm "$tree" | cut -f 1)"
tree_image=$((tree_mib * 3 / 2 + 256))M
tar -cf - -C "$tree" . 2> "$WORK/tar.log" | cat > /dev/null  # Both sides find the source in memory.

take_turns with_mke2fs with_file big "$WORK/big" "$big_image"
ratio "one file of $mib MiB, file:/// against mke2fs -d" big.mke2fs big.file 4
take_turns with_mke2fs with_file tree "$tree" "$tree_image"
ratio "$tree ($tree_mib MiB), file:/// against mke2fs -d" tree.mke2fs tree.file 1
take_turns with_file with_iscsi big "$WORK/big" "$big_image"
ratio "one file of $mib MiB, iSCSI on loopback against file:///" big.file big.iscsi 0.6
