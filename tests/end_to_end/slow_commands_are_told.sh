# What `holdfastadm stats` and `slow` tell: of a daemon that was quick nothing is slow; a process that was
# stopped shows what it held up; the answer comes in pages and is one; and the limit can be changed.
. "$(dirname "$0")/lib.sh"
image="$WORK/disk"
truncate -s 64M "$image"
one_lun "$image"
start_holdfastd --slow 300
read_json() { adm "$@" --json > "$WORK/told.json" || fail "holdfastadm $* fails"; }

say "a load, and its figures"
expect_exit 0 "$HOLDFAST" load "$URL" --rw randrw --block 4k --depth 8 --time 2s --json "$WORK/run.json"
read_json stats
expect_json "$WORK/told.json" "run['luns'][0]['lun'] == 0 and run['luns'][0]['in_flight'] == 0"
expect_json "$WORK/told.json" "run['luns'][0]['kinds']['read']['commands'] > 100"
expect_json "$WORK/told.json" "all(run['luns'][0]['kinds']['write'][s]['count'] == run['luns'][0]['kinds']['write']['commands'] for s in ('gather_us', 'wait_us', 'store_us', 'send_us', 'whole_us'))"
expect_exit 0 "$HOLDFASTADM" --control "$WORK/control" stats
expect_says '^LUN 0 of iqn\.2026-11\.example\.holdfast:disk: 0 in flight$'
expect_says '^  read +[0-9]+ '

say "commands that a stopped daemon held up"
start load "$HOLDFAST" load "$URL" --rw randwrite --block 4k --depth 16 --time 6s --json "$WORK/stalled.json"
load=$PID
writes() { read_json stats; python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["luns"][0]["kinds"]["write"]["commands"])' "$WORK/told.json"; }
before="$(writes)"
wait_until 60 eval '[[ $(writes) -gt $((before + 500)) ]]' || fail "the load does not begin"
kill -STOP "$DAEMON"
sleep 1
kill -CONT "$DAEMON"
wait "$load" || true
read_json slow
expect_json "$WORK/told.json" "run['schema'] == 'holdfast.slow/1' and run['daemon']['limit_ms'] == 300"
expect_json "$WORK/told.json" "len(run['connections']) >= 1 and all(len(c['isid']) == 12 for c in run['connections'])"

expect_json "$WORK/told.json" "any(p['to_ns'] - p['from_ns'] > 500e6 for p in run['pauses'])"

say "the limit"
expect_exit 0 "$HOLDFASTADM" --control "$WORK/control" slow --limit 50
expect_says 'longer than 50\.0 ms by now'
adm_fails 234 'limit is for slow' stats --limit 5
expect_exit 0 "$HOLDFASTADM" --control "$WORK/control" slow --limit 0
expect_says '^Commands are not timed: the limit is 0\.$'
stop_holdfastd
