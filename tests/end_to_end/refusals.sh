# Sourced by the scripts about destinations that cannot be copied to.
. "$(dirname "$0")/lib.sh"
make_big_tree "$WORK/tree" 4
truncate -s 64M "$WORK/image"

# expect_refusal CODE PATTERN DESTINATION
expect_refusal() {
  expect_exit "$1" "$HOLDFAST" copy "$WORK/tree" "$3" --hang 3s
  expect_says "^holdfast: $2"
  [[ $(grep -c '' "$WORK/out") -eq 1 ]] || fail "more than one line: $(cat "$WORK/out")"
}

# listen NAME PYTHON: somebody who is no server of ours; sets LISTENER, its port. `c` is the connection.
listen() {
  start "$1" python3 -uc "
import socket, time
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()
print(s.getsockname()[1])
c = s.accept()[0]
$2
time.sleep(60)"
  wait_until 20 test -s "$WORK/$1.log" || fail "nobody listens"
  LISTENER="$(head -n 1 "$WORK/$1.log")"
}
