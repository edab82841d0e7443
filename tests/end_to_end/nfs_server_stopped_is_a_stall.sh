# An NFS server stopped for 5 s in mid-copy: the copy ends well, and the record tells of exactly one stall of
# about 5 s.
. "$(dirname "$0")/lib.sh"
make_big_tree "$WORK/tree" 400
start_ganesha 4
start copy "$HOLDFAST" copy "$WORK/tree" "$URL" --json "$WORK/run.json" --stall 2s --hang 30s
copy="$PID"
wait_for_files "$EXPORT" 40
kill -STOP "$SERVER"
sleep 5
kill -CONT "$SERVER"
expect_exit_of "$copy" 1 90 "the copy"
expect_json "$WORK/run.json" 'run["verdict"] == "stalled"'
expect_json "$WORK/run.json" '[e["kind"] for e in run["events"] if e["kind"] in ("stall", "hang")] == ["stall"]'
expect_json "$WORK/run.json" 'all(4.0 <= e["lasted_s"] <= 8.0 and e["file"] for e in run["events"] if e["kind"] == "stall")'
diff -r "$WORK/tree" "$EXPORT" || fail "what was copied differs"
