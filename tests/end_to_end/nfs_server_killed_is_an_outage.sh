# An NFS server that dies in mid-copy: the tool ends at once with exit code 4, and the record tells of the broken
# connection and of what was in flight.
. "$(dirname "$0")/lib.sh"
make_big_tree "$WORK/tree" 400
start_ganesha 4
start copy "$HOLDFAST" copy "$WORK/tree" "$URL" --verify --json "$WORK/run.json"
copy="$PID"
wait_for_files "$EXPORT" 40
kill -KILL "$SERVER"
expect_exit_of "$copy" 4 10 "the copy"
expect_says '^HUNG: the connection' "$WORK/copy.log"
expect_json "$WORK/run.json" 'run["verdict"] == "hung" and run["workload"]["outcome"] == "failed"'
expect_json "$WORK/run.json" '[e["kind"] for e in run["events"] if e["kind"] in ("outage", "hang")] == ["outage"]'
expect_json "$WORK/run.json" 'all(e["evidence"] and e["in_flight"] for e in run["events"] if e["kind"] == "outage")'
