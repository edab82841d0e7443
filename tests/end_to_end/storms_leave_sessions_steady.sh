# Logins that are cut off, connections that say nothing, half a header, and SYNs without end, as fast as
# they go: a copy that runs meanwhile does not stall, by its own watch, and is right; and who comes in the
# middle of it gets in.
. "$(dirname "$0")/lib.sh"
need iscsi-readcapacity16
make_big_tree "$WORK/tree" 40
truncate -s 1G "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
start logins "$LOGINS" storm "${PORTAL##*:}" "$IQN" 15 6
logins="$PID"
syns=
if [[ $EUID -eq 0 ]]; then
  start syns python3 "$(dirname "$0")/syn_storm.py" "${PORTAL##*:}" 15
  syns="$PID"
fi
sleep 1
# Open loop, so that the storm's first to its last second is looked at.
expect_exit 0 "$HOLDFAST" load "$URL" --rw randrw --verify --rate 100 --time 8s --json "$WORK/load.json"
tail -n 4 "$WORK/out"
LIMIT=30 expect_exit 0 iscsi-readcapacity16 "$URL"
expect_exit 0 "$HOLDFAST" copy "$WORK/tree" "$URL" --json "$WORK/copy.json"
tail -n 4 "$WORK/out"
expect_exit_of "$logins" 0 60 "the storm of logins"
cat "$WORK/logins.log"
if [[ -n "$syns" ]]; then
  expect_exit_of "$syns" 0 30 "the storm of SYNs"
  cat "$WORK/syns.log"
  expect_says '^[0-9]{3,} SYNs' "$WORK/syns.log"
fi
for run in load copy; do
  expect_json "$WORK/$run.json" 'run["verdict"] == "steady" and not [e for e in run["events"] if e["kind"] in ("stall", "hang", "outage")]'
done
stop_holdfastd
expect_exit 0 e2fsck -fn "$WORK/image"
