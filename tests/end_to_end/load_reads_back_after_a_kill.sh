# A target that is killed in mid-load and started again: a write-through LUN has everything that it
# acknowledged, and the load says so after reading it back in a new session. One that lost it is caught.
. "$(dirname "$0")/lib.sh"
PORT="$(free_port)"
one_lun "$WORK/image" IOMode=wt

# restarted_load CODE COMMAND...: a load whose target is killed and, after COMMAND, started again.
restarted_load() {
  local code="$1" load
  shift
  truncate -s 16M "$WORK/image"
  start_holdfastd
  start load "$HOLDFAST" load "$URL" --rw randwrite --depth 16 --time 60s --verify --json "$WORK/run.json"
  load="$PID"
  wait_for_data "$WORK/image" 2
  kill -KILL "$DAEMON"
  wait "$DAEMON" 2> /dev/null || true
  "$@"
  start_holdfastd
  expect_exit_of "$load" "$code" 60 "the load"
  stop_holdfastd
}

restarted_load 4 true
expect_says '^HUNG: the connection to the storage broke' "$WORK/load.log"
expect_json "$WORK/run.json" '[e["kind"] for e in run["events"] if e["kind"] in ("outage", "mismatch")] == ["outage"]'
expect_json "$WORK/run.json" 'run["load"]["read_back"] and not run["load"]["read_back_lenient"]'
expect_json "$WORK/run.json" 'run["load"]["read_back_blocks"] >= 256'

rm "$WORK/image"
restarted_load 5 dd if=/dev/zero of="$WORK/image" bs=1M count=1 conv=notrunc status=none
expect_says '^CORRUPT: ' "$WORK/load.log"
expect_json "$WORK/run.json" 'all(e["lba"] < 2048 for e in run["events"] if e["kind"] == "mismatch")'
