# With few descriptors and a crowd at the door, who has a session goes on, and who logs in at once
# still gets in: those who only sit there are closed.
. "$(dirname "$0")/lib.sh"
need iscsi-readcapacity16 prlimit
# (UBSan opens a pipe to look at an object's type, and without one takes every type for a wrong one:
# this is not run on builds with it.)
truncate -s 64M "$WORK/image"
one_lun "$WORK/image"
start_holdfastd
prlimit --pid "$DAEMON" --nofile=48:48
start recorder "$ACKED_WRITES" record "$URL" "$WORK/writes" 8
recorder="$PID"
python3 - "${PORTAL##*:}" "$WORK/crowded" <<'PYTHON' &
import socket, sys, time
crowd = []
for i in range(300):
    crowd.append(socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20))
open(sys.argv[2], "w").close()
time.sleep(60)
PYTHON
own_processes+=("$!")
wait_until 30 test -e "$WORK/crowded" || fail "the crowd did not get to the door"
for round in 1 2 3; do
  LIMIT=60 expect_exit 0 iscsi-readcapacity16 "$URL"
done
expect_exit_of "$recorder" 0 60 "the client that kept writing"
stop_holdfastd
expect_exit 0 "$ACKED_WRITES" check "$WORK/image" "$WORK/writes"
