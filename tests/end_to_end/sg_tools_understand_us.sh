# What a LUN says of itself, read by the tools of sg3_utils, which are somebody else's code: every
# command that it lists has a name there, every page that it lists is one that they can tell.
. "$(dirname "$0")/lib.sh"
need sg_inq sg_vpd sg_opcodes sg_luns sg_modes sg_readcap sg_turs od
truncate -s 64M "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
use_sg_tools
ask() { expect_exit 0 "${of[@]}" host "$@"; cat "$WORK/out"; }

ask sg_turs @
ask sg_inq @
expect_says 'PQual=0 .*version=0x0[67]'
expect_says 'Vendor identification: HOLDFAST'
ask sg_luns @
expect_says '^ +0000000000000000$'
ask sg_readcap --long @
expect_says 'Number of logical blocks=131072'
ask sg_modes --all @
expect_says '>> Caching'
expect_says '>> Control'
! grep -q 'mode page length.*inconsistent\|reported length of' "$WORK/out" || fail "sg_modes does not like a page"

ask sg_opcodes --no-inquiry @
expect_says '^ 5f +5 +10 .*Persistent reserve out, preempt and abort'
expect_says '^ 89 +16 .*Compare and write'
! grep -iE 'unknown|reserved|opcode=0x|vendor' "$WORK/out" || fail "sg_opcodes has no name for these"
# One by one, each is supported as the standard has it.
sed -nE 's/^ ([0-9a-f]{2})  +([0-9a-f]*) +[0-9]+ +[0-9],[0-9].*/\1 \2/p' "$WORK/out" > "$WORK/opcodes"
[[ "$(wc -l < "$WORK/opcodes")" -gt 30 ]] || fail "the list is short"
while read -r opcode action; do
  expect_exit 0 "${of[@]}" host sg_opcodes --no-inquiry --opcode="0x$opcode${action:+,0x$action}" @
  expect_says 'Command is supported \[conforming to SCSI standard\]'
done < "$WORK/opcodes"

expect_exit 0 "${of[@]}" host sg_vpd --page=0 --raw @
for page in $(od -An -v -tx1 -j4 "$WORK/out"); do
  ask sg_vpd --page="0x$page" @
  ! grep -q 'Only hex output supported\|malformed\|bad length' "$WORK/out" || fail "sg_vpd cannot tell page $page"
done
stop_holdfastd
