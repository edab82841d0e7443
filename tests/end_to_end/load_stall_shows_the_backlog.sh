# A daemon stopped for 2 s under an open loop: one stall, and every operation that became due meanwhile
# is counted with its age from when it was due.
. "$(dirname "$0")/lib.sh"
truncate -s 64M "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
start load "$HOLDFAST" load "$URL" --rw randread --rate 200 --depth 16 --time 6s --json "$WORK/run.json"
load="$PID"
sleep 2
kill -STOP "$DAEMON"
sleep 2
kill -CONT "$DAEMON"
expect_exit_of "$load" 1 60 "the load"
expect_json "$WORK/run.json" 'run["verdict"] == "stalled"'
expect_json "$WORK/run.json" '[e["kind"] for e in run["events"] if e["kind"] in ("stall", "hang")] == ["stall"]'
expect_json "$WORK/run.json" 'all(1.5 <= e["lasted_s"] <= 4.0 for e in run["events"] if e["kind"] == "stall")'
# 200 a second became due, 16 of them were in flight.
expect_json "$WORK/run.json" 'run["load"]["waiting_most"] > 200'
expect_json "$WORK/run.json" '1.5 <= run["load"]["waited_longest_s"] <= 4.0'
expect_json "$WORK/run.json" 'run["load"]["operations"] + run["load"]["never_sent"] == 1200'
expect_json "$WORK/run.json" 'run["load"]["reads"]["latency_us"]["p90"] > 500e3 > run["load"]["reads"]["service_us"]["p90"]'
expect_says 'had to wait for a place in the queue' "$WORK/load.log"
stop_holdfastd
