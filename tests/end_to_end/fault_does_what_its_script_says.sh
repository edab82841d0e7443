# The proxy, with real ends: every kind of step does to a real iSCSI session what it says, and the record
# says when it did it.
. "$(dirname "$0")/fault.sh"
truncate -s 64M "$WORK/image"
one_lun "$WORK/image" IOMode=wb InitialR2T Yes ImmediateData No
start_holdfastd
direct="$URL"
# load_ends CODE OPTION...
load_ends() {
  local code="$1"
  shift
  expect_exit "$code" "$HOLDFAST" load "$URL" --json "$WORK/run.json" "$@"
}

say "without a step nothing is noticed"
start_fault "$PORTAL"
load_ends 0 --rw randrw --time 700ms --verify
stop_fault
expect_json "$WORK/fault.json" 'run["schema"] == "holdfast.fault/1" and run["events"] == []'
expect_json "$WORK/fault.json" 'run["end"]["messages_in"] > 100 and run["end"]["bytes_out"] > 1000000'

say "a stopped way is a stall; what was held arrives"
URL="$direct"
start_fault "$PORTAL" --step 'after 500ms stop in for 1s'
load_ends 1 --rw randwrite --time 2s --verify --stall 500ms
stop_fault
expect_json "$WORK/fault.json" '[e["kind"] for e in run["events"]] == ["begun", "ended"]'
expect_json "$WORK/fault.json" 'all(0.95 < run["events"][1]["at_s"] - e["at_s"] < 5 for e in run["events"][:1])'
expect_json "$WORK/run.json" 'any(e["kind"] == "stall" and e["lasted_s"] > 0.7 for e in run["events"])'

say "live steps: a delay is seen by every operation, and a cut ends the connection"
URL="$direct"
start_fault "$PORTAL"
step 'now delay 30ms jitter 5ms in'
load_ends 0 --rw randread --time 1s
expect_json "$WORK/run.json" '25000 < run["latency_us"]["p50"] < 300000'
step 'now resume'
step 'after 1MB in cut'
load_ends 4 --rw randread --time 20s
expect_json "$WORK/run.json" 'any(e["kind"] == "outage" for e in run["events"])'
step 'after 1MB close out'
load_ends 4 --rw randread --time 20s
expect_json "$WORK/run.json" 'any(e["kind"] == "outage" for e in run["events"])'
step 'after 1s in sideways'
step 'after 1MB cut fin'
load_ends 4 --rw randread --time 20s
stop_fault
expect_says "standard input:1: word 3: 'in' is not an action" "$WORK/fault.log"

say "a dropped R2T leaves one command behind"
URL="$direct"
start_fault "$PORTAL" --step 'at 3rd r2t drop'
load_ends 4 --rw write --block 256k --depth 2 --time 20s --stall 500ms --hang 1s
stop_fault
expect_json "$WORK/fault.json" '[e["kind"] for e in run["events"]] == ["begun", "struck"]'
expect_json "$WORK/fault.json" '"r2t of 48 bytes" == run["events"][1]["what"]'

say "a spoilt byte is found"
URL="$direct"
load_ends 0 --rw write --size 1m --time 500ms --verify
start_fault "$PORTAL" --step 'at 200th data-in corrupt data'
load_ends 5 --rw read --size 1m --time 2s --verify
stop_fault

say "a spoilt header is a header digest error"
URL="$direct?header_digest=crc32c"
start_fault "$PORTAL" --step 'at 200th scsi-command corrupt header-digest'
load_ends 4 --rw randread --time 20s
stop_fault
expect_json "$WORK/fault.json" '[e["kind"] for e in run["events"]] == ["begun", "struck"]'

say "responses in another order are taken as they come, by both engines"
for engine in native libiscsi; do
  URL="$direct"
  start_fault "$PORTAL" --step 'at 50th scsi-response reorder'
  load_ends 0 --rw randwrite --time 1s --stall 5s --engine "$engine"
  stop_fault
done

say "status that is held back, a slow link"
URL="$direct"
start_fault "$PORTAL" --step 'after 500ms hold-statsn for 1s'
load_ends 1 --rw randwrite --time 2s --stall 500ms
stop_fault
URL="$direct"
start_fault "$PORTAL" --step 'now throttle 1MB/s in'
load_ends 0 --rw read --time 2s --stall 20s --hang 60s
expect_json "$WORK/run.json" '0.3e6 < run["totals"]["bytes"] / run["totals"]["seconds"] < 1.5e6'
stop_fault

say "silent and refusing servers"
URL="$direct"
start_fault "$PORTAL" --step 'now refuse'
load_ends 3 --rw randread --time 1s
step 'now resume'
sleep 0.2
load_ends 0 --rw randread --time 500ms
stop_fault
stop_holdfastd
