# Sourced by the scripts in which a server comes to grief while a copy onto its image is under way:
# what befalls it is the script's, what the tool has to make of it is here. Each script serves
# $WORK/image at $URL first.
. "$(dirname "$0")/lib.sh"
make_big_tree "$WORK/tree" 400
truncate -s 1G "$WORK/image"

# begin_copy OPTION...: a copy that has come some way; sets COPY.
begin_copy() {
  start copy "$HOLDFAST" copy "$WORK/tree" "$URL" --json "$WORK/run.json" "$@"
  COPY="$PID"
  wait_for_data "$WORK/image" 40
}

# expect_outage: the copy ends at once, and the record tells of the broken connection and of what was
# in flight.
expect_outage() {
  expect_exit_of "$COPY" 4 10 "the copy"
  expect_says '^HUNG: the connection' "$WORK/copy.log"
  expect_json "$WORK/run.json" 'run["verdict"] == "hung" and run["workload"]["outcome"] == "failed"'
  expect_json "$WORK/run.json" '[e["kind"] for e in run["events"] if e["kind"] in ("outage", "hang")] == ["outage"]'
  expect_json "$WORK/run.json" 'all(e["evidence"] and e["in_flight"] for e in run["events"] if e["kind"] == "outage")'
}

# expect_stall_of PID...: stopped for 3 s, these cause exactly one stall of about 3 s, and no more.
expect_stall_of() {
  begin_copy --stall 1s --hang 30s
  kill -STOP "$@"
  sleep 3
  kill -CONT "$@"
  expect_exit_of "$COPY" 1 90 "the copy"
  expect_json "$WORK/run.json" 'run["verdict"] == "stalled"'
  expect_json "$WORK/run.json" '[e["kind"] for e in run["events"] if e["kind"] in ("stall", "hang")] == ["stall"]'
  expect_json "$WORK/run.json" 'all(2.5 <= e["lasted_s"] <= 5.0 for e in run["events"] if e["kind"] == "stall")'
  expect_json "$WORK/run.json" 'all(e["op"] and e["bytes"] and e["at_s"] > 0 for e in run["events"] if e["kind"] == "stall")'
}

# expect_hang_after COMMAND...: it stops the server for good, and the tool ends within --hang plus 2 s,
# with a record that names every operation in flight.
expect_hang_after() {
  local stopped_ms took_ms hang
  begin_copy --stall 1s --hang 4s
  "$@"
  stopped_ms="$(now_ms)"
  expect_exit_of "$COPY" 4 60 "the copy"
  took_ms=$(($(now_ms) - stopped_ms))
  say "the copy ended $took_ms ms after the server stopped"
  # The last operation may have been sent just before the stop, and 2 s are for the record.
  [[ $took_ms -ge 3500 && $took_ms -le 6500 ]] || fail "not within --hang plus 2 s"
  expect_json "$WORK/run.json" 'run["verdict"] == "hung"'
  expect_json "$WORK/run.json" '[e["kind"] for e in run["events"] if e["kind"] in ("stall", "hang")] == ["hang"]'
  hang='next(e for e in run["events"] if e["kind"] == "hang")'
  expect_json "$WORK/run.json" "all(3.5 <= x['lasted_s'] <= 6 and x['file'].startswith('$WORK/tree/') for x in [$hang])"
  # The copy keeps many writes in flight, and nothing that was sent has been answered since.
  expect_json "$WORK/run.json" "len($hang['in_flight']) >= 8"
  expect_json "$WORK/run.json" "all(o['op'] and o['bytes'] and 'lba' in o and o['age_s'] > 3 for o in $hang['in_flight'])"
}
