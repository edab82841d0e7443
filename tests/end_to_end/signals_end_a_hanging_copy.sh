# While the daemon does not answer: SIGTERM ends the copy in order within seconds, and a second
# signal ends it at once.
. "$(dirname "$0")/lib.sh"
make_big_tree "$WORK/tree" 400
truncate -s 1G "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd

start first "$HOLDFAST" copy "$WORK/tree" "$URL" --json "$WORK/first.json" --stall 30s --hang 60s
copy="$PID"
wait_for_data "$WORK/image" 40
kill -STOP "$DAEMON"
sleep 0.3
kill -TERM "$copy"
expect_exit_of "$copy" 143 8 "the copy after SIGTERM"
expect_says '^INTERRUPTED' "$WORK/first.log"
expect_json "$WORK/first.json" 'run["workload"]["outcome"] == "interrupted" and run["workload"]["signal"] == 15'

kill -CONT "$DAEMON"
start second "$HOLDFAST" copy "$WORK/tree" "$URL" --stall 30s --hang 60s
copy="$PID"
wait_until 20 grep -q 'copying' "$WORK/second.log" || fail "the second copy does not get under way"
kill -STOP "$DAEMON"
kill -TERM "$copy"
wait_until 5 grep -q 'interrupted by SIGTERM' "$WORK/second.log" || fail "it says nothing of the first signal"
second_ms="$(now_ms)"
kill -TERM "$copy"
expect_exit_of "$copy" 143 5 "the copy after the second SIGTERM"
took_ms=$(($(now_ms) - second_ms))
say "the second signal took $took_ms ms"
kill -CONT "$DAEMON"
stop_holdfastd
