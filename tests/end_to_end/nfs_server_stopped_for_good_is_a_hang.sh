# An NFS server that stops for good in mid-copy: the tool ends within --hang plus 2 s with exit code 4, and the
# record names what was in flight.
. "$(dirname "$0")/lib.sh"
make_big_tree "$WORK/tree" 400
start_ganesha 4
start copy "$HOLDFAST" copy "$WORK/tree" "$URL" --json "$WORK/run.json" --stall 1s --hang 4s
copy="$PID"
wait_for_files "$EXPORT" 40
kill -STOP "$SERVER"
stopped_ms="$(now_ms)"
expect_exit_of "$copy" 4 60 "the copy"
took_ms=$(($(now_ms) - stopped_ms))
say "the copy ended $took_ms ms after the server stopped"
[[ $took_ms -ge 3500 && $took_ms -le 6500 ]] || fail "not within --hang plus 2 s"
expect_json "$WORK/run.json" 'run["verdict"] == "hung"'
expect_json "$WORK/run.json" '[e["kind"] for e in run["events"] if e["kind"] in ("stall", "hang")] == ["hang"]'
hang='next(e for e in run["events"] if e["kind"] == "hang")'
expect_json "$WORK/run.json" "len($hang['in_flight']) >= 2 and all(o['op'] and o['file'] for o in $hang['in_flight'])"
