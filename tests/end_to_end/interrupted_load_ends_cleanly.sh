# Ctrl-C in mid-load: the tool ends at once with what was done so far, and says that nothing was read
# back; a daemon stopped for good is a hang.
. "$(dirname "$0")/lib.sh"
truncate -s 64M "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
# A shell without job control starts background processes deaf to SIGINT; python gives it back.
start load python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$HOLDFAST" load "$URL" --rw randwrite --verify --time 60s --json "$WORK/run.json"
wait_for_data "$WORK/image" 1
kill -INT "$PID"
expect_exit_of "$PID" 130 10 "the load after SIGINT"
expect_says '^INTERRUPTED after [0-9,]+ operations' "$WORK/load.log"
expect_says 'was NOT read back' "$WORK/load.log"
expect_json "$WORK/run.json" 'run["workload"]["outcome"] == "interrupted" and run["load"]["operations"] > 0'

start hung "$HOLDFAST" load "$URL" --rw randrw --sessions 2 --time 60s --stall 500ms --hang 2s --json "$WORK/run.json"
sleep 1
kill -STOP "$DAEMON"
expect_exit_of "$PID" 4 15 "the load on a stopped target"
kill -CONT "$DAEMON"
expect_says '^HUNG: an operation had no answer' "$WORK/hung.log"
expect_json "$WORK/run.json" 'run["verdict"] == "hung" and run["load"]["operations"] > 0'
expect_json "$WORK/run.json" '[len(e["in_flight"]) for e in run["events"] if e["kind"] == "hang"] == [64]'
stop_holdfastd
