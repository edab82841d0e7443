# Whatever is wrong with an NBD destination: one line that says what was tried, what answered and what
# to do, the right exit code, and nothing written.
. "$(dirname "$0")/refusals.sh"

say 'URLs that are none'
expect_refusal 2 "the port 'abc' is not a number from 1 to 65535; the form is nbd://host" nbd://127.0.0.1:abc/disk
expect_refusal 2 'the host is missing; the form is nbd://host' nbd:///disk
expect_refusal 2 'socket is for a Unix domain socket, whose scheme is nbd\+unix' "nbd://127.0.0.1/disk?socket=/x"

say 'nobody, or somebody else'
expect_refusal 3 'connect to 127\.0\.0\.1:[0-9]+: Connection refused; is an NBD server running there' \
  "nbd://127.0.0.1:$(free_port)/disk"
expect_refusal 3 'look up host no-such-host\.invalid: .*; check its name' nbd://no-such-host.invalid/disk
expect_refusal 3 "connect to $WORK/none: No such file or directory; is an NBD server" "nbd+unix:///disk?socket=$WORK/none"
listen ssh 'c.send(b"SSH-2.0-Server_1.0\r\n")'
expect_refusal 3 'connected to 127\.0\.0\.1:[0-9]+, but it is no NBD server: it says "SSH-2\.0-Server_1\.0"; check host and port' \
  "nbd://127.0.0.1:$LISTENER/disk"
listen closing 'c.close()'
expect_refusal 3 'connected to .*, but it is no NBD server: it closed the connection without a word; check' \
  "nbd://127.0.0.1:$LISTENER/disk"
one_lun "$WORK/image"
start_holdfastd
expect_refusal 3 "connected to $PORTAL, but it sends no NBD greeting: no answer within 3\.[0-9] s\..* iSCSI target" \
  "nbd://$PORTAL/disk"
stop_holdfastd

say 'no such export, and no TLS'
start_nbd_server "$WORK/image"
expect_refusal 3 "open export 'dsik' of 127\.0\.0\.1:$NBD_PORT: the server has no such export; it has 'disk'" \
  "nbd://127.0.0.1:$NBD_PORT/dsik"
expect_refusal 3 "negotiate with .*127\.0\.0\.1:$NBD_PORT: .*; does it do TLS.* Write nbd://" "nbds://127.0.0.1:$NBD_PORT/disk"
kill_nbd_server

say 'read-only'
start_nbdkit -r file "$WORK/image"
expect_refusal 3 'write to nbd://.*: it is read-only; have its server export it writable' "$URL"

say 'too small, and empty'
truncate -s 1M "$WORK/tiny"
start_nbdkit file "$WORK/tiny"
expect_refusal 2 "copy $WORK/tree to nbd://.*: that needs .* and it has 1\.0 MiB in all: .*; make it larger" "$URL"
[[ $(allocated_mib "$WORK/tiny") -eq 0 ]] || fail "something was written"
truncate -s 0 "$WORK/empty"
start_nbdkit file "$WORK/empty"
expect_refusal 2 'open nbd://.*: the export is empty' "$URL"

say 'blocks that ext4 cannot have'
start_nbdkit --filter=blocksize-policy file "$WORK/image" blocksize-minimum=65536 blocksize-preferred=65536 \
  blocksize-maximum=1M
expect_refusal 2 'make a filesystem: the device takes blocks of 65536 bytes, and ext4' "$URL"

say 'TLS that the server requires'
echo "alice:5f2a8ce1b9f0d9c35d0d7f1f8a3f6a1e5f2a8ce1b9f0d9c35d0d7f1f8a3f6a1e" > "$WORK/keys"
start_nbdkit --tls=require --tls-psk="$WORK/keys" file "$WORK/image"
expect_refusal 3 "open export 'disk' of 127\.0\.0\.1:$NBD_PORT: .*requires TLS.*; write nbds://" "$URL"
expect_refusal 3 "negotiate with .*127\.0\.0\.1:$NBD_PORT: .*; does it do TLS" "nbds://mallory@127.0.0.1:$NBD_PORT/disk?tls-psk-file=$WORK/keys"
[[ $(allocated_mib "$WORK/image") -eq 0 ]] || fail "something was written"
expect_exit 0 "$HOLDFAST" copy "$WORK/tree" "nbds://alice@127.0.0.1:$NBD_PORT/disk?tls-psk-file=$WORK/keys" --verify
