# What keeps a copy onto NFS from starting is said in one line: what was tried, what answered, what to do.
. "$(dirname "$0")/lib.sh"
mkdir "$WORK/tree"
echo text > "$WORK/tree/file"

# refused CODE URL PATTERN: one line, and this in it.
refused() {
  expect_exit "$1" "$HOLDFAST" copy "$WORK/tree" "$2" --hang 5s
  [[ "$(wc -l < "$WORK/out")" -eq 1 ]] || fail "more than a line: $(cat "$WORK/out")"
  expect_says "^holdfast: .*$3"
}

refused 2 "nfs://" "the host is missing"
refused 2 "nfs://127.0.0.1" "the export after the host is missing"
refused 2 "nfs://127.0.0.1/x?version=5" "version '5' is not a number from 3 to 4"
refused 2 "nfs://127.0.0.1/x?nfsport=0" "nfsport '0'"
refused 2 "nfs://127.0.0.1/x?speed=9" "'speed' after the '\?' is none of version, nfsport"

start_ganesha 4
at="${URL#*nfsport=}"
refused 3 "nfs://127.0.0.1/nowhere/x?nfsport=$at" "'nowhere': .*NFS4ERR_NOENT.*what is there: export"
refused 3 "nfs://127.0.0.1/export/a/b?nfsport=$at" "'a': .*NFS4ERR_NOENT"
refused 3 "nfs://127.0.0.1/export?version=3&nfsport=$at&mountport=$at" "at 127.0.0.1:$at: .*does not serve"
refused 3 "nfs://127.0.0.1/export?nfsport=$(free_port)" "Connection refused"
echo old > "$EXPORT/old"
refused 2 "$URL" "is not empty: 'old' is in it; name a new directory or an empty one"

# Somebody else listens: one who talks, and one who does not.
truncate -s 64M "$WORK/image"
one_lun "$WORK/image"
start_holdfastd
refused 3 "nfs://127.0.0.1/export?nfsport=${PORTAL#*:}" "at $PORTAL: "
start talker python3 -c '
import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True)
while True: s.accept()[0].sendall(b"SSH-2.0-OpenSSH_9.2\r\n")'
wait_until 10 test -s "$WORK/talker.log"
refused 3 "nfs://127.0.0.1/export?nfsport=$(head -n 1 "$WORK/talker.log")" "does not speak RPC: is this the right port"
kill "$SERVER"

rm -f "$EXPORT/old"
start_ganesha 4 "Access_Type = RO; Squash = No_Root_Squash;"
refused 3 "$URL" "cannot be written to: .*does the server export it for writing"
kill "$SERVER"

# Root squashed: owners cannot be kept, and that is said and not missed.
start_ganesha 4 "Access_Type = RW; Squash = Root_Squash; Anonymous_Uid = 4242; Anonymous_Gid = 4242;"
chown 4242:4242 "$EXPORT"
expect_exit 0 "$HOLDFAST" copy "$WORK/tree" "$URL&requests=1" --verify
[[ "$(stat -c %u "$EXPORT/file")" -eq 4242 ]] || fail "root was not squashed"

# The export itself is root's: its attributes cannot be set, which is named; all that is in it is copied.
kill "$SERVER"
rm -rf "${EXPORT:?}"/*
start_ganesha 4 "Access_Type = RW; Squash = Root_Squash; Anonymous_Uid = 4242; Anonymous_Gid = 4242;"
chown 0:0 "$EXPORT"
chmod 1777 "$EXPORT"
expect_exit 1 "$HOLDFAST" copy "$WORK/tree" "$URL" --verify
expect_says 'attributes left out: set attributes: .*NFS4ERR_PERM' "$WORK/out"
[[ -f "$EXPORT/file" ]] || fail "what is in the export was not copied"
