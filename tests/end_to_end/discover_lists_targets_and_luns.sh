# `holdfast discover` names every target and, per LUN, type, size, vendor and serial: ours and tgt's.
. "$(dirname "$0")/lib.sh"
truncate -s 64M "$WORK/image"
truncate -s 32M "$WORK/second"
one_lun "$WORK/image" 'ScsiSN=SERIAL0042'
{
  echo "    Lun 7 Path=$WORK/second,Type=fileio,IOMode=ro"
  echo "Target $IQN.other"
  echo "    Lun 0 Type=nullio,Blocks=131072"
} >> "$CONFIG"
start_holdfastd
expect_exit 0 "$HOLDFAST" discover "iscsi://$PORTAL"
cat "$WORK/out"
expect_says "$IQN\$|$IQN[^.]"
expect_says "$IQN\.other"
expect_says '64(\.0+)? MiB'
expect_says '32(\.0+)? MiB'
expect_says 'SERIAL0042'
stop_holdfastd
expect_exit 3 "$HOLDFAST" discover "iscsi://$PORTAL"

if command -v tgtd > /dev/null && command -v tgtadm > /dev/null; then
  start_tgtd "$WORK/image"
  authority="${URL#iscsi://}"
  expect_exit 0 "$HOLDFAST" discover "iscsi://${authority%%/*}"
  expect_says "$IQN"
  expect_says '64(\.0+)? MiB'
fi
