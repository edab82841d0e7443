# The lab's link, when it is cut: the initiator's TCP retransmits and backs off, as over a cable that was
# pulled, and a load over it stalls and goes on when it heals.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../lab/netlab.sh"
lab_up 9000
truncate -s 64M "$WORK/image"
one_lun "$WORK/image"
start_holdfastd
port="${PORTAL##*:}"

# Some 10 kB have passed, of a load that has just begun.
is_under_way() { tcp_of client "$port" | grep -qE 'bytes_(acked|received):[0-9]{5,}'; }
backs_off() { tcp_of "$1" "$port" | grep -qE 'backoff:[2-9]'; }
# expect_stall_while COMMAND...: in the middle of a load.
expect_stall_while() {
  say "$*"
  start load "$HOLDFAST" load "$URL" --rw randwrite --block 4k --depth 4 --time 3s --stall 1s --hang 30s --json "$WORK/run.json"
  load="$PID"
  wait_until 20 is_under_way || fail "the load does not get under way"
  "$@"
  wait_until 10 backs_off "$sender" || fail "no back-off after 10 s: $(tcp_of "$sender" "$port")"
  tcp_of "$sender" "$port" | grep -qE 'unacked:[1-9]' || fail "nothing is unacknowledged: $(tcp_of "$sender" "$port")"
  heal
  expect_exit_of "$load" 1 60 "the load"
  expect_json "$WORK/run.json" 'any(e["kind"] == "stall" for e in run["events"])'
}

sender=client
expect_stall_while cut_link to_server
expect_stall_while lose_neighbour to_server
expect_stall_while cut_link both
# The server's answers are lost, so that it is the one that sends them again.
sender=server
expect_stall_while cut_link to_client

say "long packets vanish, short ones pass"
lose_longer_than 1500 both
expect_exit 0 "$HOLDFAST" discover "iscsi://$PORTAL"
expect_exit 0 "$HOLDFAST" load "$URL" --rw randread --block 512 --depth 1 --time 1s --hang 5s
expect_exit 4 "$HOLDFAST" load "$URL" --rw write --block 64k --depth 4 --time 20s --stall 500ms --hang 1500ms
heal

say "some loss, and a slow link"
lose_share 2 both
expect_exit 0 "$HOLDFAST" load "$URL" --rw randread --block 4k --depth 2 --time 1s --stall 10s --hang 30s
heal
throttle 2000 to_client
expect_exit 0 "$HOLDFAST" load "$URL" --rw read --block 16k --depth 2 --time 1s --stall 10s --hang 30s
heal
expect_exit 0 "$HOLDFAST" load "$URL" --rw randread --time 1s
stop_holdfastd
