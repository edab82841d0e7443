# A daemon stopped for 3 s in mid-copy: the copy ends well, and the record tells of exactly one stall
# of about 3 s.
. "$(dirname "$0")/lib.sh"
make_big_tree "$WORK/tree" 400
truncate -s 1G "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
start copy "$HOLDFAST" copy "$WORK/tree" "$URL" --json "$WORK/run.json" --stall 1s --hang 30s
copy="$PID"
wait_for_data "$WORK/image" 40
kill -STOP "$DAEMON"
sleep 3
kill -CONT "$DAEMON"
expect_exit_of "$copy" 1 90 "the copy"
expect_json "$WORK/run.json" 'run["verdict"] == "stalled"'
expect_json "$WORK/run.json" '[e["kind"] for e in run["events"] if e["kind"] in ("stall", "hang")] == ["stall"]'
expect_json "$WORK/run.json" 'all(2.5 <= e["lasted_s"] <= 5.0 for e in run["events"] if e["kind"] == "stall")'
expect_json "$WORK/run.json" 'all(e["op"] and e["bytes"] and e["at_s"] > 0 for e in run["events"] if e["kind"] == "stall")'
stop_holdfastd
