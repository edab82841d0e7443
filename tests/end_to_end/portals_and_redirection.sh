# Portals, groups of them and targets that have moved, as libiscsi's tools meet them: IPv4 and IPv6,
# addresses of the machine that were never named, and another daemon that has taken a target over.
. "$(dirname "$0")/lib.sh"
need iscsi-ls iscsi-inq iscsi-readcapacity16
truncate -s 16M "$WORK/image" "$WORK/image2"
GROUPED=iqn.2026-11.example.holdfast:grouped

# start_daemon NAME PORTALS OPTION...: a daemon with so many portals; sets DAEMON and DAEMON_PORT.
start_daemon() {
  local name="$1" portals="$2" word address
  shift 2
  mkfifo "$WORK/$name.ready"
  "$HOLDFASTD" -f -c "$WORK/$name.conf" --ready-fd 3 "$@" 3> "$WORK/$name.ready" > "$WORK/$name.log" 2>&1 < /dev/null &
  DAEMON=$!
  own_processes+=("$DAEMON")
  exec {ready}< "$WORK/$name.ready"
  while [[ $portals -gt 0 ]]; do
    read -rt 60 -u "$ready" word address || fail "$name did not get ready"
    portals=$((portals - 1))
  done
  exec {ready}<&-
  DAEMON_PORT="${address##*:}"
}
# lists ADDRESS: what is discovered there, one line "TARGET PORTAL" each, in $WORK/found,
# in the order in which the target said it (libiscsi tells it backwards).
lists() {
  expect_exit 0 iscsi-ls "iscsi://$1:$DAEMON_PORT/"
  sed -nE 's/^Target:([^ ]+) Portal:([^ ]+)$/\1 \2/p' "$WORK/out" | tac > "$WORK/found"
}
expect_found() { diff -u - "$WORK/found" || fail "not what should have been discovered"; }

say "portal groups"
cat > "$WORK/groups.conf" << CONFIG
PortalGroup 1 127.0.0.1 [::1]
PortalGroup 7 127.0.0.2
Target $IQN
    Lun 0 Path=$WORK/image
Target $GROUPED
    Lun 0 Path=$WORK/image2
    PortalGroup 7
CONFIG
expect_exit 2 "$HOLDFASTD" -f -c "$WORK/groups.conf" -a 127.0.0.1
expect_says 'both say where to listen'
if ! grep -q . /proc/net/if_inet6 2> /dev/null; then skip "no IPv6 here"; fi
start_daemon groups 3 -p 0
port="$DAEMON_PORT"
lists 127.0.0.1
expect_found << FOUND
$IQN 127.0.0.1:$port,1
$IQN [::1]:$port,1
$IQN 127.0.0.2:$port,7
$GROUPED 127.0.0.2:$port,7
FOUND
lists '[::1]'
head -n 1 "$WORK/found" | grep -qxF "$IQN [::1]:$port,1" || fail "where it came to is not what comes first"
for address in 127.0.0.1 '[::1]' 127.0.0.2; do
  expect_exit 0 iscsi-readcapacity16 "iscsi://$address:$port/$IQN/0"
done
expect_exit 0 iscsi-readcapacity16 "iscsi://127.0.0.2:$port/$GROUPED/0"
expect_exit 10 iscsi-readcapacity16 "iscsi://127.0.0.1:$port/$GROUPED/0"
grep -q "not let in to $GROUPED: it is not served in portal group 1" "$WORK/groups.log" || fail "the log does not say why"

say "every address of the machine"
printf 'Target %s\n Lun 0 Path=%s\n' "$IQN" "$WORK/image" > "$WORK/every.conf"
kill -TERM "$DAEMON"
expect_exit_of "$DAEMON" 0 30 "the daemon"
start_daemon every 2 -p 0
for address in 127.0.0.1 127.0.0.3 '[::1]'; do
  lists "$address"
  expect_found <<< "$IQN $address:$DAEMON_PORT,1"
done
kill -TERM "$DAEMON"
expect_exit_of "$DAEMON" 0 30 "the daemon"

say "a target that has moved"
cp "$WORK/every.conf" "$WORK/new.conf"
start_daemon new 2 -p 0
new_port="$DAEMON_PORT"
for how in Temporary Permanent; do
  printf 'Target %s\n Lun 0 Type=nullio\n Redirect [::1]:%s %s\n' "$IQN" "$new_port" "$how" > "$WORK/moved$how.conf"
  start_daemon "moved$how" 1 -p 0 -a 127.0.0.1
  if [[ "$how" == Temporary ]]; then
    expect_exit 0 iscsi-readcapacity16 "iscsi://127.0.0.1:$DAEMON_PORT/$IQN/0"
    expect_says 'Total size:16777216'
  else  # libiscsi goes after the other kind only
    expect_exit 10 iscsi-readcapacity16 "iscsi://127.0.0.1:$DAEMON_PORT/$IQN/0"
    expect_says 'Target moved permanently'
  fi
  lists 127.0.0.1
  expect_found <<< "$IQN 127.0.0.1:$DAEMON_PORT,1"
done
grep -qE 'refused with status 0x0101: the target is at' "$WORK/movedTemporary.log" || fail "it was not sent on for now"
grep -qE 'refused with status 0x0102: the target is at' "$WORK/movedPermanent.log" || fail "it was not sent on for good"
