# What range locks cost plain READs and WRITEs: the time to take one and give it back, as a share of the
# processor time that the daemon spends on a 4 KiB command, from the wire to the wire, on a store that costs
# nothing. A share that no run of the whole can show is the goal: less than 1 %. Reported, and never a failure.
. "$(dirname "$0")/bench.sh"
expect_exit 0 "$RANGE_LOCKS_BENCH" --benchmark_min_time=0.2 --benchmark_format=csv
nanoseconds() { sed -nE "s/^\"plain_command\/$1\",[0-9]+,[^,]+,([^,]+),.*/\1/p" "$WORK/out"; }
alone="$(nanoseconds 0)" beside_one="$(nanoseconds 1)" beside_many="$(nanoseconds 32)"
say "a lock taken and given back: $alone ns alone, $beside_one ns beside a COMPARE AND WRITE elsewhere, $beside_many ns beside 32 commands"

CONFIG="$WORK/holdfastd.conf"
printf 'Target %s\n    Lun 0 Type=memory,Size=256M\n' "$IQN" > "$CONFIG"
start_holdfastd
# Its processor time so far, in ticks.
ticks() { awk '{ print $14 + $15 }' "/proc/$DAEMON/stat"; }
for rw in randread randwrite; do
  before="$(ticks)"
  expect_exit 0 "$HOLDFAST" load "$URL" --rw "$rw" --block 4k --depth 32 --time 3s --stall 10s --hang 20s --quiet --json "$WORK/run.json"
  after="$(ticks)"
  python3 - "$WORK/run.json" "$rw" "$((after - before))" "$(getconf CLK_TCK)" "$beside_many" << 'PYTHON'
import json, sys
run, rw, ticks, hertz, lock = json.load(open(sys.argv[1])), sys.argv[2], *map(float, sys.argv[3:])
commands = run["load"]["iops"] * run["totals"]["seconds"]
command = ticks / hertz * 1e9 / commands
print(f"-- {rw} 4k: {command / 1000:.1f} us of processor time a command in the daemon, of which the lock is "
      f"{100 * lock / command:.2f} % (goal: less than 1 %, {'met' if lock < command / 100 else 'MISSED'})")
PYTHON
done
stop_holdfastd
