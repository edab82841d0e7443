# A link that is cut one way, for real: what the initiator alone cannot tell, both ends' views together do. The two
# ends are on one machine here, so that the pings, too, can be judged: by one clock, each came between its sending
# and its answer.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../lab/netlab.sh"
lab_up 9000
truncate -s 64M "$WORK/image"
one_lun "$WORK/image"
start_holdfastd
writes() {
  adm stats --json > "$WORK/stats.json"
  python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["luns"][0]["kinds"].get("write", {"commands": 0})["commands"])' "$WORK/stats.json"
}

# expect_settled DIRECTION BLAME
expect_settled() {
  local before load
  say "cut $1"
  before="$(writes)"
  start load "$HOLDFAST" load "$URL" --rw randwrite --block 4k --depth 4 --time 8s --stall 1s --hang 60s --json "$WORK/run.json"
  load="$PID"
  wait_until 60 eval '[[ $(writes) -gt $((before + 200)) ]]' || fail "the load does not begin"
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
