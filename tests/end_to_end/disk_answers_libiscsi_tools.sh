# conf/demo.conf, served as it is, answers the tools that come with libiscsi.
. "$(dirname "$0")/lib.sh"
need iscsi-ls iscsi-inq iscsi-readcapacity16 iscsi-perf

CONFIG="$(dirname "$0")/../../conf/demo.conf"
start_holdfastd
IQN="$(awk '$1 == "Target" { print $2; exit }' "$CONFIG")"
URL="iscsi://$PORTAL/$IQN/0"

expect_exit 0 iscsi-ls -s "iscsi://$PORTAL"
expect_says "^Target:$IQN Portal:$PORTAL,1"
expect_says '^Lun:0 +Type:DIRECT_ACCESS'
expect_exit 0 iscsi-inq -e 1 -c 0x83 "$URL"  # It reads this as page 0; 131 is what it means.
expect_says '0x83 DEVICE_IDENTIFICATION'
expect_exit 0 iscsi-inq -e 1 -c 131 "$URL"
expect_says 'Designator Type:\(3\) NAA'
expect_exit 0 iscsi-inq "$URL"
expect_says 'Peripheral Device Type:DIRECT_ACCESS'
expect_exit 0 iscsi-readcapacity16 "$URL"
expect_says 'Total size:[0-9]+'
expect_exit 0 iscsi-perf -t 3 -m 32 -b 64 "$URL"
expect_says 'iops'
stop_holdfastd

say "with header digests, which is what of digests libiscsi has"
truncate -s 64M "$WORK/image"
IQN=iqn.2026-11.example.holdfast:disk
one_lun "$WORK/image" IOMode=wb HeaderDigest CRC32C
start_holdfastd
expect_exit 0 iscsi-inq "$URL"
expect_exit 0 iscsi-perf -t 1 -m 32 -b 64 "$URL"
expect_says 'iops'
expect_says 'HeaderDigest=CRC32C DataDigest=None' "$WORK/holdfastd.log"
stop_holdfastd
