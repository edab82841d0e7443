# A load and a copy with --reconnect, under which the daemon is killed and started again, and ended in good
# order and started again: they go on, every block is what was written last, and the record tells of each
# connection that broke and for how long. A peer that stays away ends the run when the time is over.
. "$(dirname "$0")/lib.sh"
PORT="$(free_port)"

kill_holdfastd() {
  kill -KILL "$DAEMON"
  wait "$DAEMON" 2> /dev/null || true
}

# restarted_under PID COMMAND...: what ends the daemon, twice while PID runs.
restarted_under() {
  local runner="$1"
  shift
  for _ in 1 2; do
    sleep 2
    is_alive "$runner" || fail "the run gave up: $(cat "$WORK"/run*.log)"
    "$@"
    sleep 0.5
    start_holdfastd
  done
}

# restarted_load COMMAND...
restarted_load() {
  rm -f "$WORK/image"
  truncate -s 32M "$WORK/image"
  start_holdfastd
  start run "$HOLDFAST" load "$URL" --rw randrw --mix 30 --depth 16 --sessions 2 --time 8s --verify \
    --reconnect 30s --hang 60s --json "$WORK/run.json"
  local load="$PID"
  restarted_under "$load" "$@"
  expect_exit_of "$load" 1 90 "the load"
  expect_json "$WORK/run.json" 'run["verdict"] == "stalled" and run["workload"]["outcome"] == "finished"'
  expect_json "$WORK/run.json" '{e["kind"] for e in run["events"]} & {"outage", "hang", "mismatch"} == set()'
  expect_json "$WORK/run.json" '[e["kind"] for e in run["events"]].count("reconnect") >= 4'
  expect_json "$WORK/run.json" 'all("sent again" in e["evidence"] and 0 < e["lasted_s"] < 30 for e in run["events"] if e["kind"] == "reconnect")'
  expect_json "$WORK/run.json" 'run["load"]["read_back"] and run["load"]["read_back_blocks"] > 0'
  expect_json "$WORK/run.json" 'run["destination"]["negotiated"]["engine"] == "'"${HOLDFAST_ENGINE:-native}"'"'
  stop_holdfastd
}

say "a load, the daemon killed, write-through"
one_lun "$WORK/image" IOMode=wt
restarted_load kill_holdfastd
say "a load, the daemon ended by SIGTERM, write-back"
one_lun "$WORK/image" IOMode=wb
restarted_load stop_holdfastd

say "a copy, the daemon killed"
make_big_tree "$WORK/tree" 300
rm -f "$WORK/image"
truncate -s 1G "$WORK/image"
start_holdfastd
start run "$HOLDFAST" copy "$WORK/tree" "$URL" --verify --reconnect 30s --hang 60s --json "$WORK/run.json"
copy="$PID"
wait_for_data "$WORK/image" 40
kill_holdfastd
sleep 1
start_holdfastd
expect_exit_of "$copy" 1 120 "the copy"
expect_json "$WORK/run.json" '[e["kind"] for e in run["events"]].count("reconnect") == 1'
expect_json "$WORK/run.json" 'run["workload"]["outcome"] == "finished" and run["totals"]["verified_bytes"] > 0'

say "a peer that stays away"
start run "$HOLDFAST" load "$URL" --rw randwrite --time 60s --reconnect 3s --json "$WORK/run.json"
load="$PID"
sleep 2
kill_holdfastd
expect_exit_of "$load" 4 40 "the load"
expect_json "$WORK/run.json" '[e["kind"] for e in run["events"] if e["kind"] in ("outage", "reconnect")] == ["outage"]'
expect_json "$WORK/run.json" 'any("not back within 3.0 s" in e["evidence"] for e in run["events"])'
