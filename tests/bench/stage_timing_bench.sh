# What timing the stages of every command costs the target: processor time of holdfastd for each I/O with the
# timing on and off (`holdfastadm slow --limit`), on one daemon that keeps running, in turns on-off-off-on. Beside
# the two stands what the same setting differs from itself by: no difference below that is one. The goal is
# 2 %; it is reported and never fails, for a busy machine must not decide whether a change is right.
#
#   STAGE_BENCH_ROUNDS=N    turns of on-off-off-on (5)
#   STAGE_BENCH_SECONDS=N   of each measurement (3)
. "$(dirname "$0")/bench.sh"
rounds="${STAGE_BENCH_ROUNDS:-$(usually 5 1)}"
seconds="${STAGE_BENCH_SECONDS:-$(usually 3 1)}"
CONFIG="$WORK/holdfastd.conf"
printf 'Target %s\n    Lun 0 Type=nullio,Blocks=524288\n' "$IQN" > "$CONFIG"
start_holdfastd
ticks_a_second="$(getconf CLK_TCK)"
# Processor time of the daemon in clock ticks.
ticks() { sed 's/.*) //' "/proc/$DAEMON/stat" | awk '{ print $12 + $13 }'; }

# measure NAME LIMIT RW BLOCK: adds microseconds of the daemon's for each I/O, and I/Os a second, to $WORK/NAME.
measure() {
  local before after
  adm slow --limit "$2" > /dev/null
  before="$(ticks)"
  expect_exit 0 "$HOLDFAST" load "$URL" --rw "$3" --block "$4" --depth 32 --time "${seconds}s" --stall 10s --hang 20s \
    --quiet --json "$WORK/run.json"
  after="$(ticks)"
  python3 - "$WORK/run.json" "$((after - before))" "$ticks_a_second" <<'PYTHON' >> "$WORK/$1"
import json, sys
load = json.load(open(sys.argv[1]))
operations = load["totals"]["operations"]
print(int(sys.argv[2]) / int(sys.argv[3]) * 1e6 / operations, load["load"]["iops"])
PYTHON
}

# compare RW BLOCK
compare() {
  local name="$1.$2" round
  for ((round = 0; round < rounds; round++)); do
    measure "$name.on.1" 1000 "$@"
    measure "$name.off.1" 0 "$@"
    measure "$name.off.2" 0 "$@"
    measure "$name.on.2" 1000 "$@"
  done
  python3 - "$WORK/$name" "$1 $2" <<'PYTHON'
import statistics, sys
def column(which, place):
    return [float(line.split()[place]) for line in open(f"{sys.argv[1]}.{which}")]
on, off = column("on.1", 0) + column("on.2", 0), column("off.1", 0) + column("off.2", 0)
median = statistics.median
cost = median(on) / median(off) - 1
same = max(abs(median(column(f"{s}.1", 0)) / median(column(f"{s}.2", 0)) - 1) for s in ("on", "off"))
print(f"-- {sys.argv[2]}: {median(on):.2f} us of the target's for each I/O with timing, {median(off):.2f} without: "
      f"{cost:+.1%} (goal below 2 %, {'met' if cost < 0.02 else 'MISSED'}); the same setting differed from itself by "
      f"{same:.1%}; {median(column('on.1', 1)):,.0f} I/Os a second")
PYTHON
}

measure warm-up 1000 randread 4k
compare randread 4k
compare randwrite 4k
compare randread 64k
