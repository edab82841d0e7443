# Whatever is wrong with an NBD destination: one line that says what was tried, what answered and what to
# do, and the exit code of something that could not start.
. "$(dirname "$0")/lib.sh"
make_big_tree "$WORK/tree" 16
truncate -s 128M "$WORK/image"

# expect_refusal CODE URL PATTERN...: all of them on the one line.
expect_refusal() {
  local code="$1" url="$2" pattern
  shift 2
  expect_exit "$code" "$HOLDFAST" copy "$WORK/tree" "$url" --hang 2s
  [[ $(wc -l < "$WORK/out") -eq 1 ]] || fail "not one line: $(cat "$WORK/out")"
  for pattern in "$@"; do expect_says "$pattern"; done
}

say "URLs that are none"
expect_refusal 2 "nbd://127.0.0.1:abc/disk" "port 'abc'" 'nbd://host'
expect_refusal 2 "nbd:///disk" 'host is missing' 'nbd://host'
expect_refusal 2 "nbd://127.0.0.1/disk?socket=/x" 'nbd\+unix'

say "nobody there"
port="$(free_port)"
expect_refusal 3 "nbd://127.0.0.1:$port/disk" "connect to 127.0.0.1:$port: Connection refused" 'is an NBD server running'
expect_refusal 3 "nbd://no-such-host.invalid/disk" 'look up host no-such-host.invalid'
expect_refusal 3 "nbd+unix:///disk?socket=$WORK/none" "connect to $WORK/none: No such file"

say "somebody else there"
python3 - "$WORK/ssh.port" <<'PYTHON' &
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
open(sys.argv[1], "w").write(str(listener.getsockname()[1]))
while True:
    client, _ = listener.accept()
    client.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n")
    client.recv(100)
PYTHON
own_processes+=("$!")
wait_until 10 test -s "$WORK/ssh.port"
port="$(< "$WORK/ssh.port")"
expect_refusal 3 "nbd://127.0.0.1:$port/disk" "connected to 127.0.0.1:$port" 'no NBD server' 'SSH-2.0-OpenSSH' 'check host and port'
one_lun "$WORK/image"
start_holdfastd
expect_refusal 3 "nbd://$PORTAL/disk" "connected to $PORTAL" 'no NBD greeting' 'iSCSI'
stop_holdfastd

say "an export that is not there"
start_nbd_server "$WORK/image"
expect_refusal 3 "nbd://127.0.0.1:$PORT/dsik" "open export 'dsik' of 127.0.0.1:$PORT" "it has 'disk'"
say "a server without TLS"
expect_refusal 3 "nbds://127.0.0.1:$PORT/disk" "127.0.0.1:$PORT" TLS 'nbd://'
kill_nbd_server

say "an export that is read-only"
start_nbdkit -r file "$WORK/image"
expect_refusal 3 "$URL" 'read-only' 'let the server allow it'

say "an export that is too small, or has no room at all"
truncate -s 8M "$WORK/small"
start_nbdkit file "$WORK/small"
expect_refusal 2 "$URL" '[0-9.]+ ?MiB.*8\.0 MiB'
[[ $(allocated_mib "$WORK/small") -eq 0 ]] || fail "something was written"
truncate -s 0 "$WORK/empty"
start_nbdkit file "$WORK/empty"
expect_refusal 2 "$URL" 'the export is empty'

say "blocks that no filesystem of ours fits"
start_nbdkit --filter=blocksize-policy file "$WORK/image" blocksize-minimum=65536 blocksize-preferred=65536 \
  blocksize-maximum=1M
expect_refusal 2 "$URL" '65536'

say "a server that wants TLS"
echo "alice:5f2a8ce1b9f0d9c35d0d7f1f8a3f6a1e5f2a8ce1b9f0d9c35d0d7f1f8a3f6a1e" > "$WORK/keys"
start_nbdkit --tls=require --tls-psk="$WORK/keys" file "$WORK/image"
expect_refusal 3 "$URL" "127.0.0.1:$PORT" 'requires TLS' 'nbds://'
expect_refusal 3 "nbds://mallory@127.0.0.1:$PORT/disk?tls-psk-file=$WORK/keys" "127.0.0.1:$PORT" TLS
expect_exit 0 "$HOLDFAST" copy "$WORK/tree" "nbds://alice@127.0.0.1:$PORT/disk?tls-psk-file=$WORK/keys" --verify

[[ -z "$(jobs -rp | grep -vxF -f <(printf '%s\n' "${own_processes[@]}") || true)" ]] || fail "something of ours still runs"
