# --echo: a datagram that asks comes back with a count, and nothing else does; what comes too fast is not answered,
# and holds nobody up.
. "$(dirname "$0")/lib.sh"
need python3 iscsi-inq
image="$WORK/disk"
truncate -s 16M "$image"
one_lun "$image"
expect_exit 2 "$HOLDFASTD" -f -c "$CONFIG" -a 127.0.0.1 -p 0 --control none --echo nowhere
expect_says "^holdfastd: --echo: 'nowhere' is not ADDR:PORT"
start_holdfastd --echo 127.0.0.1:0
wait_until 10 grep -q 'UDP echo on ' "$WORK/holdfastd.log" || fail "it does not say where"
place="$(sed -n 's|.*UDP echo on \(127.*\)$|\1|p' "$WORK/holdfastd.log")"
python3 - "$place" <<'PYTHON'
import socket, struct, sys, time
host, port = sys.argv[1].rsplit(":", 1)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((host, int(port)))
s.settimeout(20)
MAGIC = 0x686f6c6465636831
def ask(run, sequence, magic=MAGIC, received=0):
    s.send(struct.pack(">4Q", magic, run, sequence, received))
for sequence in (1, 2, 3):
    ask(7, sequence)
    assert struct.unpack(">4Q", s.recv(100)) == (MAGIC, 7, sequence, sequence)
ask(7, 4, magic=1)
ask(7, 5, received=3)
s.send(b"")
s.send(b"x" * 1400)
s.send(struct.pack(">4Q", MAGIC, 7, 6, 0) + b"more")
ask(7, 9)
assert struct.unpack(">4Q", s.recv(100)) == (MAGIC, 7, 9, 4), "only the questions count"
# A flood gets no more than so many answers a second.
begin = time.monotonic()
for sequence in range(20000):
    ask(8, sequence + 1)
s.settimeout(0.5)
answers = 0
try:
    while True:
        s.recv(100)
        answers += 1
except TimeoutError:
    pass
took = time.monotonic() - begin
assert 1 <= answers <= 200 + 1100 * took, (answers, took)
time.sleep(0.5)
s.settimeout(20)
ask(9, 1)
while struct.unpack(">4Q", s.recv(100))[1] != 9:
    pass
PYTHON
expect_exit 0 iscsi-inq "$URL"
stop_holdfastd
