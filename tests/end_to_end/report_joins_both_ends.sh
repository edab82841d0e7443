# `holdfast report RUN.json --target SLOW.json`: a daemon that was stopped in the midst of a load shows in both
# ends' views as what it was; a dump of another run is refused; what is no dump is, too.
. "$(dirname "$0")/lib.sh"
image="$WORK/disk"
truncate -s 64M "$image"
one_lun "$image"
start_holdfastd
writes() {
  adm stats --json > "$WORK/stats.json"
  python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["luns"][0]["kinds"].get("write", {"commands": 0})["commands"])' "$WORK/stats.json"
}

say "a daemon that does not run for two seconds"
start load "$HOLDFAST" load "$URL" --rw randwrite --block 4k --depth 16 --time 8s --json "$WORK/run.json"
load=$PID
wait_until 60 eval '[[ $(writes) -gt 500 ]]' || fail "the load does not begin"
kill -STOP "$DAEMON"
sleep 2
kill -CONT "$DAEMON"
expect_exit_of "$load" 1 60 "the load"
adm slow --json > "$WORK/slow.json"
expect_json "$WORK/run.json" "run['workload']['started_ns'] > 0 and len(run['destination']['negotiated']['ISID']) == 12"
expect_exit 0 "$HOLDFAST" report "$WORK/run.json" --target "$WORK/slow.json"
expect_says "^the target's view: holdfastd [0-9.]+ on .*; both ends ran on one machine and read the same clock$"
expect_says ' s  stall of .*: peer_process \(the initiator alone said '
expect_says "did not run"
expect_exit 0 "$HOLDFAST" report "$WORK/run.json" --target "$WORK/slow.json" --html "$WORK/page.html"
grep -q '<section id="target"><h2>What the target saw</h2>' "$WORK/page.html" || fail "the page does not show it"
grep -q 'peer_process' "$WORK/page.html" || fail "the page does not say whose fault it was"

say "a dump of another run"
stop_holdfastd
start_holdfastd
expect_exit 0 "$HOLDFAST" load "$URL" --rw randread --block 4k --depth 4 --time 1s
adm slow --json > "$WORK/other.json"
expect_exit 2 "$HOLDFAST" report "$WORK/run.json" --target "$WORK/other.json"
expect_says "other\.json: the target's dump is not of this run: "
expect_exit 2 "$HOLDFAST" report "$WORK/run.json" --target "$WORK/run.json"
expect_says 'run\.json: this is not what `holdfastadm slow --json` prints: its schema is '
expect_exit 2 "$HOLDFAST" report "$WORK/run.json" --target "$WORK/nowhere"
stop_holdfastd
