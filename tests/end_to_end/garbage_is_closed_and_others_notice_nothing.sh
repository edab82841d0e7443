# Peers that send garbage, oversized segments, half a PDU and silence, and a thousand connections at
# once: each is answered or closed in time, within a bound in memory, while a client keeps writing.
. "$(dirname "$0")/lib.sh"
truncate -s 64M "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
rss_mib() { awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$DAEMON/status"; }
before="$(rss_mib)"
start recorder "$ACKED_WRITES" record "$URL" "$WORK/writes" 20
recorder="$PID"
LIMIT=120 expect_exit 0 python3 "$(dirname "$0")/hostile_peer.py" "${PORTAL##*:}" 60
cat "$WORK/out"

say "a thousand silent connections"
python3 - "${PORTAL##*:}" <<'PYTHON'
import resource, socket, sys
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
peers = []
for _ in range(1000):
    try:
        peers.append(socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5))
    except OSError:
        pass
print(len(peers), "connected")
PYTHON
is_alive "$DAEMON" || fail "holdfastd did not outlive it"
after="$(rss_mib)"
say "resident before $before MiB, after $after MiB"
[[ $((after - before)) -lt 200 ]] || fail "memory grew without bound"
expect_exit_of "$recorder" 0 60 "the client that kept writing"
cat "$WORK/recorder.log"
stop_holdfastd
expect_exit 0 "$ACKED_WRITES" check "$WORK/image" "$WORK/writes"
