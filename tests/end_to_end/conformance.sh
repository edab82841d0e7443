# The whole of Debian's iscsi-test-cu, destructive tests included, against a 1 GiB LUN by two portals: prints what
# passed, failed and was skipped per suite; the base set must pass and the daemon must outlive it.
. "$(dirname "$0")/lib.sh"
need iscsi-test-cu iscsi-readcapacity16
truncate -s 1G "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd -a 127.0.0.2
# Its own exit code says only whether every optional command is there.
timeout --kill-after=5 540 iscsi-test-cu -d "$URL" "${URL/127.0.0.1/127.0.0.2}" > "$WORK/iscsi-test-cu.log" 2>&1 < /dev/null || true
is_alive "$DAEMON" || fail "holdfastd did not outlive it"
expect_exit 0 iscsi-readcapacity16 "$URL"
stop_holdfastd
python3 "$(dirname "$0")/conformance.py" "$WORK/iscsi-test-cu.log" || fail "the base set is not clean"
