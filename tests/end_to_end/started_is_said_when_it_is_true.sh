# Without -f the program comes back when, and only when, logins are accepted; with the child's own
# words and exit code when it cannot start. --ready-fd has a line for each address, systemd is told.
. "$(dirname "$0")/lib.sh"
need iscsi-readcapacity16
truncate -s 64M "$WORK/image"
one_lun "$WORK/image"
port="$(free_port)"
daemon_pid() { pgrep -f -- "-c $CONFIG -a 127.0.0.1 -p $port\$" || true; }

for round in 1 2 3; do
  expect_exit 0 "$HOLDFASTD" -c "$CONFIG" -a 127.0.0.1 -p "$port"
  own_processes+=("$(daemon_pid)")
  expect_exit 0 iscsi-readcapacity16 "iscsi://127.0.0.1:$port/$IQN/0"
  LIMIT=30 expect_exit 3 "$HOLDFASTD" -c "$CONFIG" -a 127.0.0.1 -p "$port"
  expect_says "127\.0\.0\.1:$port: Address already in use"
  kill -TERM "$(daemon_pid)"
  wait_until 20 eval '[[ -z "$(daemon_pid)" ]]' || fail "the daemon did not end"
done
echo "    Lun 1 Path=$WORK/missing,Type=fileio" >> "$CONFIG"
expect_exit 2 "$HOLDFASTD" -c "$CONFIG" -a 127.0.0.1 -p "$port"
expect_says 'holdfastd\.conf:3: .*missing'
expect_exit 2 "$HOLDFASTD" -f -c "$CONFIG" -a no.such.address -p 0
expect_exit 0 "$HOLDFASTD" --version
expect_says '^holdfastd [0-9]'
expect_exit 0 "$HOLDFASTD" --help
expect_says 'ready-fd'

say "two addresses, and systemd"
one_lun "$WORK/image"
python3 - "$WORK/notify" > "$WORK/notified" <<'PYTHON' &
import socket, sys
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(sys.argv[1])
while True:
    words = notify.recv(4096).decode()
    print(words, flush=True)
    if "STOPPING=1" in words:
        break
PYTHON
own_processes+=("$!")
wait_until 10 test -S "$WORK/notify" || fail "no socket to be notified on"
export NOTIFY_SOCKET="$WORK/notify"
start_holdfastd -a 127.0.0.2
unset NOTIFY_SOCKET
expect_exit 0 iscsi-readcapacity16 "$URL"
expect_exit 0 iscsi-readcapacity16 "iscsi://127.0.0.2:${PORTAL##*:}/$IQN/0"
stop_holdfastd
wait_until 10 grep -q 'STOPPING=1' "$WORK/notified" || fail "systemd was not told of the end"
expect_says 'READY=1' "$WORK/notified"

if [[ $EUID -eq 0 ]]; then
  say "root is given up, for good"
  chmod 711 "$WORK"
  start_holdfastd -u 65534 -g 65534
  for key in Uid Gid; do
    grep -qP "^$key:\t65534\t65534\t65534\t65534\$" "/proc/$DAEMON/status" ||
      fail "$(grep "^$key" "/proc/$DAEMON/status")"
  done
  grep -qP '^Groups:\s*$' "/proc/$DAEMON/status" || fail "$(grep ^Groups "/proc/$DAEMON/status")"
  expect_exit 0 "$ACKED_WRITES" record "$URL" "$WORK/writes" 1
  stop_holdfastd
fi
