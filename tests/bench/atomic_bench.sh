# What being atomic costs: COMPARE AND WRITE of one block from two sessions beside plain WRITEs of it from two
# sessions (goal: at least half as many), on each kind of store; and UNMAP of 1 TiB of a sparse file (goal: a
# second). What is compared takes turns (A B B A), and medians are compared. Reported, and never a failure.
#
#   ATOMIC_BENCH_ROUNDS=N    turns of A B B A (3)
#   ATOMIC_BENCH_SECONDS=N   of each measurement (2)
. "$(dirname "$0")/bench.sh"
need sg_unmap
rounds="${ATOMIC_BENCH_ROUNDS:-$(usually 3 1)}"
seconds="${ATOMIC_BENCH_SECONDS:-$(usually 2 1)}"

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }
measure() { expect_exit 0 "$SWAP_LOAD" "$URL" "$1" 2 "$2" "$seconds"; cat "$WORK/out" >> "$WORK/$1"; }

# compare NAME LUN DEPTH
compare() {
  local round
  CONFIG="$WORK/holdfastd.conf"
  printf 'Target %s\n    Lun 0 %s\n' "$IQN" "$2" > "$CONFIG"
  start_holdfastd --state-dir "$WORK/state"
  rm -f "$WORK/write" "$WORK/swap" "$WORK/increment"
  for ((round = 0; round < rounds; round++)); do
    measure write "$3"
    measure swap "$3"
    measure swap "$3"
    measure write "$3"
  done
  measure increment 1
  say "$1, depth $3 each: $(awk -v a="$(median "$WORK/write")" -v b="$(median "$WORK/swap")" \
    -v up="$(cut -d' ' -f1 "$WORK/increment")" -v late="$(cut -d' ' -f2 "$WORK/increment")" 'BEGIN {
    printf "%.2f times plain (goal 0.50, %s): %d COMPARE AND WRITE a second against %d WRITE; at depth 1 %d increments a second, %d too late",
      b / a, b / a < 0.5 ? "MISSED" : "met", b, a, up, late }')"
  stop_holdfastd
}

truncate -s 64M "$WORK/image"
for depth in 1 8; do
  compare "memory" "Type=memory,Size=64M" "$depth"
  compare "file, write-back" "Path=$WORK/image,IOMode=wb" "$depth"
  compare "file, write-through" "Path=$WORK/image,IOMode=wt" "$depth"
done

truncate -s 1T "$WORK/large" 2> /dev/null || skip "no sparse file of 1 TiB here"
# 2 GiB of data in it, in 512 pieces.
python3 - "$WORK/large" << 'PYTHON'
import os, sys
piece = os.urandom(4 << 20)
with open(sys.argv[1], "r+b") as image:
    for i in range(512):
        os.pwrite(image.fileno(), piece, i * (2 << 30))
    os.fsync(image.fileno())
PYTHON
one_lun "$WORK/large" IOMode=wt,Thin=yes
start_holdfastd --state-dir "$WORK/state"
use_sg_tools
held="$(allocated_mib "$WORK/large")"
started="$(now_ms)"
# All of it in one command: no more blocks than one descriptor can name.
expect_exit 0 "${of[@]}" host sg_unmap --lba=0 --num=2147483648 --force @
took=$(($(now_ms) - started))
say "UNMAP of 1 TiB that held $held MiB: $took ms with login and all (goal 1000, $([[ $took -lt 1000 ]] && echo met || echo MISSED)); it holds $(allocated_mib "$WORK/large") MiB now"
started="$(now_ms)"
expect_exit 0 "${of[@]}" host sg_unmap --lba=0 --num=2147483648 --force @
say "and of 1 TiB that holds nothing: $(($(now_ms) - started)) ms"
stop_holdfastd
