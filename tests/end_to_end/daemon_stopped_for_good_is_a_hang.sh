# A daemon that stops for good in mid-copy: the tool ends within --hang plus 2 s with exit code 4 and
# a record that names every operation in flight.
. "$(dirname "$0")/lib.sh"
make_big_tree "$WORK/tree" 400
truncate -s 1G "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
start copy "$HOLDFAST" copy "$WORK/tree" "$URL" --json "$WORK/run.json" --stall 1s --hang 4s
copy="$PID"
wait_for_data "$WORK/image" 40
kill -STOP "$DAEMON"
stopped_ms="$(now_ms)"
expect_exit_of "$copy" 4 60 "the copy"
took_ms=$(($(now_ms) - stopped_ms))
say "the copy ended $took_ms ms after the daemon stopped"
# The last operation may have been sent just before the stop, and 2 s are for the record.
[[ $took_ms -ge 3500 && $took_ms -le 6500 ]] || fail "not within --hang plus 2 s"
expect_json "$WORK/run.json" 'run["verdict"] == "hung"'
expect_json "$WORK/run.json" '[e["kind"] for e in run["events"] if e["kind"] in ("stall", "hang")] == ["hang"]'
hang='next(e for e in run["events"] if e["kind"] == "hang")'
expect_json "$WORK/run.json" "all(3.5 <= x['lasted_s'] <= 6 and x['file'].startswith('$WORK/tree/') for x in [$hang])"
# The copy keeps many writes in flight, and nothing that was sent has been answered since.
expect_json "$WORK/run.json" "len($hang['in_flight']) >= 8"
expect_json "$WORK/run.json" "all(o['op'] and o['bytes'] and 'lba' in o and o['age_s'] > 3 for o in $hang['in_flight'])"
