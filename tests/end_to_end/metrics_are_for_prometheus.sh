# --metrics: what is told is what Prometheus reads, also with a thousand LUNs; whoever talks nonsense there harms
# nobody; only this machine is told.
. "$(dirname "$0")/lib.sh"
need python3
image="$WORK/disk"
truncate -s 64M "$image"
one_lun "$image"
for lun in {1..999}; do echo "    Lun $lun Type=nullio,Blocks=8"; done >> "$CONFIG"

say "loopback addresses only"
for place in 0.0.0.0:0 192.0.2.1:9100 '[::]:0'; do
  expect_exit 2 "$HOLDFASTD" -f -c "$CONFIG" -a 127.0.0.1 -p 0 --control none --metrics "$place"
  expect_says '^holdfastd: --metrics: .* is no loopback address'
done
for place in 127.0.0.1 :9100 9100 ::1:9100 127.0.0.1:99999 127.0.0.1:x; do
  expect_exit 2 "$HOLDFASTD" -f -c "$CONFIG" -a 127.0.0.1 -p 0 --control none --metrics "$place"
  expect_says "^holdfastd: --metrics: '.*' is not ADDR:PORT"
done

start_holdfastd --metrics 127.0.0.1:0
wait_until 10 grep -q 'metrics on http://' "$WORK/holdfastd.log" || fail "it does not say where"
place="$(sed -n 's|.*metrics on http://\([^/]*\)/metrics.*|\1|p' "$WORK/holdfastd.log")"
scrape() {
  python3 - "$place" "$1" <<'PYTHON'
import sys, urllib.request
answer = urllib.request.urlopen(f"http://{sys.argv[1]}/metrics", timeout=60)
assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), answer.headers
open(sys.argv[2], "wb").write(answer.read())
PYTHON
}
validate() { python3 -B "$(dirname "$0")/prometheus_text.py" "$1" > "$WORK/out" || fail "$(head -5 "$WORK/out")"; }

say "before and after some work"
scrape "$WORK/before"
validate "$WORK/before"
expect_exit 0 "$HOLDFAST" load "$URL" --rw randrw --block 4k --depth 8 --time 2s
scrape "$WORK/after"
validate "$WORK/after"
expect_says '^holdfast_commands_total\{target="iqn\.2026-11\.example\.holdfast:disk",lun="0",kind="read"\} [1-9][0-9]{2,}$' "$WORK/after"
expect_says '^holdfast_command_stage_duration_seconds_bucket\{.*,kind="write",stage="store",le="0\.001048575"\} [0-9]+$' "$WORK/after"
expect_says '^holdfast_commands_in_flight\{target=".*",lun="999"\} 0$' "$WORK/after"

say "nonsense, while a load is watched"
start load "$HOLDFAST" load "$URL" --rw randread --block 4k --depth 4 --rate 500 --time 6s --json "$WORK/run.json"
load=$PID
python3 - "$place" <<'PYTHON'
import random, socket, sys, time
host, port = sys.argv[1].rsplit(":", 1)
random.seed(5)
def connect():
    s = socket.create_connection((host, int(port)), timeout=20)
    return s
def answer(text):
    s = connect()
    s.sendall(text)
    s.shutdown(socket.SHUT_WR)
    got = b""
    while piece := s.recv(65536):
        got += piece
    return got.split(b"\r\n", 1)[0]
assert answer(b"GET / HTTP/1.1\r\n\r\n") == b"HTTP/1.1 404 Not Found"
assert answer(b"POST /metrics HTTP/1.1\r\n\r\n") == b"HTTP/1.1 405 Method Not Allowed"
assert answer(b"GET /metrics HTTP/3\r\n\r\n").startswith(b"HTTP/1.1 505 ")
assert answer(b"x" * 20000).startswith(b"HTTP/1.1 431 ")
assert answer(b"HEAD /metrics HTTP/1.1\r\n\r\n") == b"HTTP/1.1 200 OK"
for _ in range(200):
    s = connect()
    try:
        s.sendall(bytes(random.randrange(256) for _ in range(random.randrange(3000))))
    except OSError:
        pass
    s.close()
idle = [connect() for _ in range(30)]  # more than are served at once
time.sleep(1)
for s in idle:
    s.close()
asked = connect()  # asks, and does not read
asked.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
time.sleep(1)
asked.close()
PYTHON
wait_until 20 scrape "$WORK/again" || fail "it does not answer any more"
validate "$WORK/again"
wait "$load" || fail "the load ended with $?"
expect_json "$WORK/run.json" "run['verdict'] == 'steady'"
stop_holdfastd
