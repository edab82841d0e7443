# The proxy before an NBD server, where it cuts between two requests, and before a UDP server.
. "$(dirname "$0")/fault.sh"
start_nbdkit memory 64M
start_fault "127.0.0.1:$NBD_PORT" --step 'at 200th request cut fin'
expect_exit 4 "$HOLDFAST" load "$URL" --rw randrw --time 20s --json "$WORK/run.json"
stop_fault
expect_json "$WORK/fault.json" 'run["end"]["messages_out"] >= 200'
expect_json "$WORK/run.json" 'any(e["kind"] == "outage" for e in run["events"])'
URL="nbd://127.0.0.1:$NBD_PORT/disk"
start_fault "127.0.0.1:$NBD_PORT" --step 'at 100th reply stop in for 1s'
expect_exit 1 "$HOLDFAST" load "$URL" --rw randrw --verify --time 4s --stall 500ms
stop_fault

say "an NBD server that takes connections and never greets"
URL="nbd://127.0.0.1:$NBD_PORT/disk"
start_fault "127.0.0.1:$NBD_PORT" --step 'now silent'
expect_exit 3 "$HOLDFAST" load "$URL" --time 1s --stall 500ms --hang 2s
stop_fault

say "datagrams"
start echo python3 -u -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
while True:
    data, who = s.recvfrom(65536)
    s.sendto(data, who)'
wait_until 10 test -s "$WORK/echo.log" || fail "no echo server"
URL=""
start_fault "127.0.0.1:$(< "$WORK/echo.log")" --udp --seed 5 --step 'at 3rd datagram drop out' --step 'after 1s stop in for 1s'
python3 - "$PROXY" << 'PYTHON' || fail "the datagrams"
import socket, sys, time
host, port = sys.argv[1].rsplit(":", 1)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((host, int(port)))
s.settimeout(0.5)
began = time.monotonic()
got = []
for i in range(6):
    s.send(b"%d" % i)
    try:
        got.append(s.recv(100))
    except TimeoutError:
        got.append(None)
assert got == [b"0", b"1", None, b"3", b"4", b"5"], got
time.sleep(max(0, began + 1.2 - time.monotonic()))
s.send(b"late")
s.settimeout(5)
assert s.recv(100) == b"late"
waited = time.monotonic() - began
assert waited > 1.8, waited
PYTHON
stop_fault
expect_exit 2 "$HOLDFAST" fault --to 127.0.0.1:1 --udp --step 'now cut'
expect_says "'now cut' is for connections"
