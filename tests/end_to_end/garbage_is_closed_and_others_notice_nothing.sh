# Peers that send garbage, oversized segments, half a PDU and silence, and a thousand connections at
# once: each is answered or closed in time, within a bound in memory, while a client keeps writing.
. "$(dirname "$0")/lib.sh"
need iscsi-readcapacity16
[[ $(ulimit -n) -ge 1100 ]] || ulimit -n 1100 || skip "no thousand file descriptors here"
truncate -s 64M "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
rss_mib() { awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$DAEMON/status"; }
before="$(rss_mib)"
start recorder "$ACKED_WRITES" record "$URL" "$WORK/writes" 20
recorder="$PID"
LIMIT=120 expect_exit 0 python3 "$(dirname "$0")/hostile_peer.py" "${PORTAL##*:}" 60
cat "$WORK/out"

say "a thousand silent connections, and one more client"
start crowd python3 -u -c '
import socket, sys, time
peers = []
for _ in range(1000):
    try:
        peers.append(socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5))
    except OSError:
        pass
print(len(peers), "connected")
time.sleep(60)' "${PORTAL##*:}"
crowd="$PID"
wait_until 60 grep -q connected "$WORK/crowd.log" || fail "the crowd does not connect"
cat "$WORK/crowd.log"
LIMIT=20 expect_exit 0 iscsi-readcapacity16 "$URL"
kill "$crowd"
is_alive "$DAEMON" || fail "holdfastd did not outlive it"
after="$(rss_mib)"
say "resident before $before MiB, after $after MiB"
[[ $((after - before)) -lt 200 ]] || fail "memory grew without bound"
expect_exit_of "$recorder" 0 60 "the client that kept writing"
cat "$WORK/recorder.log"
stop_holdfastd
expect_exit 0 "$ACKED_WRITES" check "$WORK/image" "$WORK/writes"
