# The family iSCSI of Debian's iscsi-test-cu: every one of its tests passes, and none is skipped.
. "$(dirname "$0")/lib.sh"
need iscsi-test-cu
truncate -s 1G "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
timeout --kill-after=5 100 iscsi-test-cu -d -t iSCSI "$URL" > "$WORK/iscsi-test-cu.log" 2>&1 < /dev/null || true
is_alive "$DAEMON" || fail "holdfastd did not outlive it"
stop_holdfastd
python3 "$(dirname "$0")/conformance.py" "$WORK/iscsi-test-cu.log" iSCSIcmdsn iSCSIdatasn iSCSIResiduals iSCSITMF ||
  fail "not all of it passes"
