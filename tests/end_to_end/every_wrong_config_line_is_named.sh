# A configuration with many faults: every one is named as FILE:LINE, in one go, and nothing is served.
. "$(dirname "$0")/lib.sh"
truncate -s 64M "$WORK/image"
CONFIG="$WORK/wrong.conf"
cat > "$CONFIG" <<CONF
Nonsense yes
Target iqn.2026-11.example.holdfast:one
    Lun 0 Path=$WORK/image,Type=fileio,IOMode=sideways
    Lun 1 Type=fileio
    MaxBurstLength banana
    ImmediateData Perhaps
    Colour blue
    IncomingUser joe secret1
    Lun 2 Path=$WORK/missing,Type=fileio
CONF
for how in --check -f; do
  expect_exit 2 "$HOLDFASTD" $how -c "$CONFIG" -a 127.0.0.1 -p 0
  for line in 1 3 4 5 6 7 8 9; do expect_says "wrong\.conf:$line: "; done
  for line in 2; do ! grep -q "wrong.conf:$line: error" "$WORK/out" || fail "line $line is not wrong"; done
  expect_says 'wrong\.conf:8: .*12 to 255'
done
! grep -q secret1 "$WORK/out" || fail "a secret was printed"
printf 'Target %s\n    Lun 0 Path=%s,Type=fileio\n' "$IQN" "$WORK/image" > "$CONFIG"
expect_exit 0 "$HOLDFASTD" --check -c "$CONFIG"
expect_exit 2 "$HOLDFASTD" --check -c "$WORK/no-such-file.conf"
expect_says 'no-such-file\.conf'
expect_exit 2 "$HOLDFASTD" --no-such-option
