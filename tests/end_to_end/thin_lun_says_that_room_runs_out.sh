# A thin LUN of 256 MiB in a file system of 64: when less room is left than a tenth of the LUN, every nexus is told,
# once each time; when there is none, writes are told that; blocks that are given back make room again.
. "$(dirname "$0")/lib.sh"
need_root "to mount a small file system"
need sg_logs sg_modes sg_vpd
mkdir "$WORK/small"
mount -t tmpfs -o size=64M none "$WORK/small" 2> /dev/null || skip "no tmpfs may be mounted here"
at_exit umount --lazy "$WORK/small"
truncate -s 256M "$WORK/small/thin" "$WORK/thick"
CONFIG="$WORK/holdfastd.conf"
cat > "$CONFIG" << CONFIG
Target $IQN
    Lun 0 Path=$WORK/small/thin,IOMode=wb,Thin=yes
    Lun 1 Path=$WORK/thick,IOMode=wb
CONFIG
start_holdfastd
python3 "$(dirname "$0")/thin_lun.py" "$PORTAL" "$IQN" || fail "not what a thin LUN says"
expect_says 'MiB are left for it, fewer than its soft threshold of 25' "$WORK/holdfastd.log"
use_sg_tools
say "what the tools of sg3_utils read"
expect_exit 0 "${of[@]}" host sg_logs --page=0x0c @
expect_says 'Available LBA mapping .*[tT]hreshold'
expect_says 'Used LBA mapping .*[tT]hreshold'
expect_exit 0 "${of[@]}" host sg_vpd --page=lbpv @
expect_says 'Threshold exponent: 11'
expect_exit 0 "${of[@]}" host sg_modes --page=0x1c,0x02 @
expect_says '>> Logical block provisioning'
URL="${URL%/0}/1"
expect_exit 0 "${of[@]}" host sg_logs --page=0 @
! grep -q '0x0c' "$WORK/out" || fail "a LUN that is not thin has a page about it"
stop_holdfastd
