# A link that is cut one way, for real: what the initiator alone cannot tell, both ends' views together do. The two
# ends are on one machine here, so that the pings, too, can be judged: by one clock, each came between its sending
# and its answer.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../lab/netlab.sh"
lab_up 9000
truncate -s 64M "$WORK/image"
one_lun "$WORK/image"
start_holdfastd
# Some 100 kB have passed, of a load that has just begun.
is_under_way() { tcp_of client "${PORTAL##*:}" | grep -qE 'bytes_(acked|received):[0-9]{6,}'; }

# expect_settled DIRECTION BLAME
expect_settled() {
  local load
  say "cut $1"
  start load "$HOLDFAST" load "$URL" --rw randwrite --block 4k --depth 4 --time 8s --stall 1s --hang 60s --json "$WORK/run.json"
  load="$PID"
  wait_until 30 is_under_way || fail "the load does not get under way"
  cut_link "$1"
  sleep 3
  heal
  expect_exit_of "$load" 1 90 "the load"
  sleep 1
  adm slow --json > "$WORK/slow.json"
  expect_json "$WORK/slow.json" "len([r for c in run['connections'] for r in c['clock']['rounds']]) > 0"
  expect_json "$WORK/slow.json" "all(r['sent_ns'] <= r['came_ns'] <= r['answered_ns'] for c in run['connections'] for r in c['clock']['rounds'])"
  expect_exit 0 "$HOLDFAST" report "$WORK/run.json" --target "$WORK/slow.json"
  sed -n '/^the target/,$p' "$WORK/out"
  expect_says " s  stall of .*: $2 \(the initiator alone said "
}

expect_settled to_server network_out
expect_settled to_client network_in
stop_holdfastd
