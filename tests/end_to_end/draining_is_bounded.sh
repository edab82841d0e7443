# A peer that owes data for a WRITE holds the end up for a bounded time only, and a second signal
# does not wait for it at all.
. "$(dirname "$0")/lib.sh"
truncate -s 64M "$WORK/image"
one_lun "$WORK/image"
owe() {  # logs in, has an R2T to answer, and does nothing
  python3 - "$PORTAL" "$IQN" "$WORK/owing" <<PYTHON &
import sys, time
sys.path.insert(0, "$(dirname "$0")")
from raw_iscsi import Connection, R2T
peer = Connection(sys.argv[1]).log_in(sys.argv[2])
peer.clear_unit_attention()
peer.write_10(0, 8)
assert peer.receive().opcode == R2T
open(sys.argv[3], "w").close()
time.sleep(60)
PYTHON
  own_processes+=("$!")
  wait_until 30 test -e "$WORK/owing" || fail "no R2T came"
  rm "$WORK/owing"
}

start_holdfastd
owe
kill -TERM "$DAEMON"
sleep 0.5
is_alive "$DAEMON" || fail "it did not wait for the WRITE"
kill -TERM "$DAEMON"
expect_exit_of "$DAEMON" 143 10 "holdfastd after a second SIGTERM"

start_holdfastd
owe
stop_holdfastd
cmp -n 4096 "$WORK/image" /dev/zero || fail "a WRITE without its data was written"
