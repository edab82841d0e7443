# The tool itself is stopped for 3 s: that is a pause of our own, and nobody's stall or hang.
. "$(dirname "$0")/lib.sh"
make_big_tree "$WORK/tree" 400
truncate -s 1G "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
start copy "$HOLDFAST" copy "$WORK/tree" "$URL" --json "$WORK/run.json" --stall 1s --hang 2s
copy="$PID"
wait_for_data "$WORK/image" 40
kill -STOP "$copy"
sleep 3
kill -CONT "$copy"
expect_exit_of "$copy" 0 60 "the copy"
expect_json "$WORK/run.json" 'run["verdict"] == "steady"'
expect_json "$WORK/run.json" 'any(e["kind"] == "local_pause" and e["lasted_s"] > 2.5 and e["blame"] == "local" for e in run["events"])'
stop_holdfastd
