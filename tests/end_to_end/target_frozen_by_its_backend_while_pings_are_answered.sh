# A target whose store hangs, but which answers whatever needs no store: NOPs, INQUIRY, logins, and whoever asks it
# how it goes. What is stuck is named with the stage in which it is, while it is stuck; and both ends' views together
# say whose fault it was.
. "$(dirname "$0")/lib.sh"
need_root "to freeze a filesystem"
need fsfreeze mkfs.ext4 iscsi-inq python3
truncate -s 256M "$WORK/disk"
mkfs.ext4 -q "$WORK/disk"
mkdir "$WORK/frozen"
mount -o loop "$WORK/disk" "$WORK/frozen" 2> "$WORK/mount.log" || skip "cannot loop-mount here: $(cat "$WORK/mount.log")"
at_exit wait_until 20 umount "$WORK/frozen"
truncate -s 64M "$WORK/frozen/image"
one_lun "$WORK/frozen/image" IOMode=wt
start_holdfastd --metrics 127.0.0.1:0
wait_until 10 grep -q 'metrics on http://' "$WORK/holdfastd.log" || fail "it does not say where"
place="$(sed -n 's|.*metrics on http://\([^/]*\)/metrics.*|\1|p' "$WORK/holdfastd.log")"
ask() { timeout 10 "$HOLDFASTADM" --control "$WORK/control" "$@" > "$WORK/out" 2>&1 || fail "holdfastadm $* does not answer"; }
stuck_in_the_store() {
  ask slow
  grep -qE '^stuck for .*: WRITE\(1[06]\) of .* blocks at LBA .*, ITT .*h, LUN 0 of .*; is in the store$' "$WORK/out"
}
writes() {
  adm stats --json > "$WORK/stats.json"
  python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["luns"][0]["kinds"].get("write", {"commands": 0})["commands"])' "$WORK/stats.json"
}

start load "$HOLDFAST" load "$URL" --rw randwrite --block 4k --depth 8 --time 6s --hang 60s --json "$WORK/run.json"
load=$PID
wait_until 60 eval '[[ $(writes) -gt 50 ]]' || fail "the load does not begin"
fsfreeze -f "$WORK/frozen" || skip "cannot freeze a filesystem here"
at_exit fsfreeze -u "$WORK/frozen"
wait_until 20 stuck_in_the_store || fail "nothing is told to be stuck: $(cat "$WORK/out")"
say "what is stuck is named, and what needs no store is answered"
ask stats
expect_says '^LUN 0 of .*: [1-9][0-9]* in flight$'
python3 - "$place" > "$WORK/metrics" <<'PYTHON'
import sys, urllib.request
print(urllib.request.urlopen(f"http://{sys.argv[1]}/metrics", timeout=10).read().decode())
PYTHON
expect_says '^holdfast_stuck_commands [1-9]' "$WORK/metrics"
LIMIT=20 expect_exit 0 iscsi-inq "$URL"
sleep 2
fsfreeze -u "$WORK/frozen"
expect_exit_of "$load" 1 60 "the load"
ask slow
expect_says '^took .*: WRITE'
adm slow --json > "$WORK/slow.json"
expect_exit 0 "$HOLDFAST" report "$WORK/run.json" --target "$WORK/slow.json"
expect_says ' s  stall of .*: backend \(the initiator alone said '
expect_says "the target's store had it"
stop_holdfastd
