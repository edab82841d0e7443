# What an operation costs each iSCSI engine's own thread (the engine, our loop, its system calls), for the
# same work against one holdfastd: ratios of medians, taken in turns (A B B A) within one run. Beside it
# the system calls and the allocations of an operation. Goal: the native engine takes a quarter of what
# libiscsi takes. It is reported and never fails.
#
#   ENGINE_ROUNDS=N    turns of A B B A (3)
#   ENGINE_SECONDS=N   of each measurement (2)
. "$(dirname "$0")/bench.sh"
: "${ENGINE_LOAD:?}"
rounds="${ENGINE_ROUNDS:-$(usually 3 1)}"
seconds="${ENGINE_SECONDS:-$(usually 2 1)}"
memory=/dev/shm
[[ -d "$memory" && -w "$memory" ]] || memory="$WORK"
image="$(mktemp "$memory/holdfast-engine.XXXXXX")"
at_exit rm -f "$image"
head -c 256M /dev/zero > "$image"
one_lun "$image" IOMode=wb
start_holdfastd

# measure ENGINE RW BLOCK DEPTH: one line of JSON to $WORK/ENGINE.RW.BLOCK.DEPTH.
measure() {
  "$ENGINE_LOAD" "$1" "$URL" "$2" "$3" "$4" "$seconds" >> "$WORK/$1.$2.$3.$4" || fail "$1 $2 $3 $4: it failed"
}

# calls ENGINE RW BLOCK DEPTH: system calls an operation, in a run of its own, since strace slows it.
calls() {
  command -v strace > /dev/null || { echo "-"; return; }
  strace -f -c -o "$WORK/strace" "$ENGINE_LOAD" "$1" "$URL" "$2" "$3" "$4" 1 > "$WORK/traced" 2> /dev/null
  python3 - "$WORK/strace" "$WORK/traced" << 'PYTHON'
import json, sys
total = next(line.split() for line in open(sys.argv[1]) if line.rstrip().endswith(" total"))
print(f"{int(total[3]) / json.load(open(sys.argv[2]))['iops']:.3f}")  # in one second
PYTHON
}

work=("read 4096 1" "read 4096 32" "write 4096 32" "read 65536 8" "write 65536 8" "read 262144 8" "write 262144 8")
for one in "${work[@]}"; do
  read -r rw block depth <<< "$one"
  for ((round = 0; round < rounds; round++)); do
    measure native $one
    measure libiscsi $one
    measure libiscsi $one
    measure native $one
  done
  python3 - "$rw" "$block" "$depth" "$WORK" "$(calls native $one)" "$(calls libiscsi $one)" << 'PYTHON'
import json, statistics, sys
rw, block, depth, work, native_calls, library_calls = sys.argv[1:]
runs = {e: [json.loads(l) for l in open(f"{work}/{e}.{rw}.{block}.{depth}")] for e in ("native", "libiscsi")}
median = lambda e, k: statistics.median(r[k] for r in runs[e])
ratio = median("native", "us") / median("libiscsi", "us")
spread = sorted(n["us"] / l["us"] for n, l in zip(runs["native"], runs["libiscsi"]))
print(f"-- {rw} {int(block) // 1024}k, depth {depth}: CPU {median('native', 'us'):.2f} against {median('libiscsi', 'us'):.2f} us: "
      f"{ratio:.2f} times (goal 0.25, {'met' if ratio <= 0.25 else 'MISSED'}; {spread[0]:.2f} to {spread[-1]:.2f}); "
      f"IOPS {median('native', 'iops'):.0f} against {median('libiscsi', 'iops'):.0f}; "
      f"in the kernel {median('native', 'kernel_us'):.2f} against {median('libiscsi', 'kernel_us'):.2f} us; "
      f"allocations {median('native', 'allocations'):.3f} against {median('libiscsi', 'allocations'):.2f}; "
      f"system calls {native_calls} against {library_calls}")
PYTHON
done
stop_holdfastd
