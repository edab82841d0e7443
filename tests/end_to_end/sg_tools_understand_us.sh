# What LUNs say of themselves, read by the tools of sg3_utils, which are somebody else's code: every command that they
# list has a name there, every page that they list is one that they can tell; and its commands do what they say.
. "$(dirname "$0")/lib.sh"
need sg_inq sg_vpd sg_opcodes sg_luns sg_modes sg_readcap sg_turs sg_logs sg_persist sg_get_lba_status sg_sanitize \
  sg_compare_and_write sg_write_x sg_write_same sg_unmap sg_verify sg_rtpg sg_copy_results od
truncate -s 64M "$WORK/image" "$WORK/thin"
CONFIG="$WORK/holdfastd.conf"
cat > "$CONFIG" << CONFIG
Target $IQN
    Lun 0 Path=$WORK/image,IOMode=wb
    Lun 1 Path=$WORK/thin,IOMode=wb,Thin=yes,Removable=yes,PhysicalBlockSize=4096,Rotational=7200
CONFIG
start_holdfastd --state-dir "$WORK/state"
use_sg_tools
ask() { expect_exit 0 "${of[@]}" host "$@"; cat "$WORK/out"; }
lun() { URL="${URL%/*}/$1"; }
says_none_of() { ! grep -iE "$1" "$WORK/out" || fail "the tool does not like it"; }

ask sg_turs @
ask sg_inq @
expect_says 'PQual=0 .*version=0x0[67]'
expect_says 'Vendor identification: HOLDFAST'
ask sg_luns @
expect_says '^ +0000000000000000$'
expect_says '^ +0001000000000000$'
ask sg_readcap --long @
expect_says 'Number of logical blocks=131072'

for lun in 0 1; do
  say "LUN $lun: commands"
  lun "$lun"
  ask sg_opcodes --no-inquiry @
  expect_says '^ 5f +5 +10 .*Persistent reserve out, preempt and abort'
  expect_says '^ 89 +16 .*Compare and write'
  says_none_of 'unknown|reserved|opcode=0x|vendor'
  # One by one, each is supported as the standard has it, but for WRITE SAME(32), which there needs protection information.
  sed -nE 's/^ ([0-9a-f]{2})  +([0-9a-f]*) +[0-9]+ +[0-9],[0-9].*/\1 \2/p' "$WORK/out" > "$WORK/opcodes"
  [[ "$(wc -l < "$WORK/opcodes")" -gt 30 ]] || fail "the list is short"
  while read -r opcode action; do
    expect_exit 0 "${of[@]}" host sg_opcodes --no-inquiry --opcode="0x$opcode${action:+,0x$action}" @
    manner='conforming to SCSI standard'
    [[ $opcode != 7f ]] || manner='in a vendor specific manner'
    expect_says "Command is supported \\[$manner\\]"
  done < "$WORK/opcodes"
  ask sg_opcodes --no-inquiry --tmf @
  expect_says 'Abort task$'
  expect_says 'Logical unit reset$'

  say "LUN $lun: vital product data, mode and log pages"
  expect_exit 0 "${of[@]}" host sg_vpd --page=0 --raw @
  pages="$(od -An -v -tx1 -j4 "$WORK/out" | tr -s ' \n' ' ')"
  [[ "$pages" == ' 00 80 83 85 86 87 88 8f b0 b1 b2 b3 ' ]] || fail "these pages are listed:$pages"
  for page in $pages; do
    ask sg_vpd --page="0x$page" @
    says_none_of 'Only hex output supported|malformed|bad length'
  done
  ask sg_modes --all @
  expect_says '>> Caching'
  expect_says '>> Control'
  says_none_of 'mode page length.*inconsistent|reported length of|unknown'
  ask sg_logs --all @
  expect_says '[wW]rite error counter'
  expect_says 'General [sS]tatistics'
  says_none_of 'unable to decode|no ascii|malformed'
done

say "what is particular to a thin, removable one"
ask sg_inq @
expect_says 'RMB=1'
ask sg_vpd --page=bl @
expect_says 'Maximum compare and write length: 255'
expect_says 'Optimal unmap granularity: 8 blocks'
ask sg_vpd --page=bdc @
expect_says '7200'
ask sg_vpd --page=lbpv @
expect_says 'Unmap command supported \(LBPU\): 1'
expect_says 'Anchored LBAs supported \(ANC_SUP\): 1'
expect_says 'Threshold exponent: 11'
ask sg_readcap --long @
expect_says 'lbpme=1, lbprz=1'

say "commands of theirs, and what comes of them"
head -c 512 /dev/urandom > "$WORK/new"
cat <(head -c 512 /dev/zero) "$WORK/new" > "$WORK/swap"
ask sg_get_lba_status --lba=0 @
expect_says 'deallocated'
ask sg_compare_and_write --lba=8 --in="$WORK/swap" --xferlen=1024 @
cmp "$WORK/new" <(dd if="$WORK/thin" bs=512 skip=8 count=1 status=none) || fail "COMPARE AND WRITE did not write"
readonly miscompare=14 not_ready=2
expect_exit "$miscompare" "${of[@]}" host sg_compare_and_write --lba=8 --in="$WORK/swap" --xferlen=1024 @
ask sg_verify --lba=8 --count=1 --ndo=512 --in="$WORK/new" @
ask sg_write_x --16 --atomic=0 --lba=9 --num=1 --in="$WORK/new" @
cmp "$WORK/new" <(dd if="$WORK/thin" bs=512 skip=9 count=1 status=none) || fail "WRITE ATOMIC did not write"
ask sg_write_x --or --16 --lba=9 --num=1 --in="$WORK/new" @
ask sg_get_lba_status --lba=8 @
expect_says 'mapped'
ask sg_write_same --16 --unmap --lba=8 --num=8 --xferlen=512 @
ask sg_get_lba_status --lba=8 @
expect_says 'deallocated'
ask sg_write_same --10 --in="$WORK/new" --xferlen=512 --lba=16 --num=16 @
ask sg_unmap --lba=16 --num=16 @
cmp -n 8192 /dev/zero <(dd if="$WORK/thin" bs=512 skip=16 count=16 status=none) || fail "UNMAP left something"
ask sg_persist --out --register --param-sark=abc @
ask sg_persist --in --read-full-status @
expect_says 'Key=0xabc'
ask sg_persist --in --report-capabilities @
expect_says 'Write Exclusive, all registrants: 1'
ask sg_persist --out --clear --param-rk=abc @
ask sg_rtpg --decode @
expect_says 'active/optimized'
ask sg_copy_results --params @
expect_says 'Maximum concurrent copies: 16'
expect_says 'Copy from block device to block device'
ask sg_vpd --page=tpc @
expect_says 'Total concurrent copies: 16'
expect_says 'block -> block'
says_none_of 'CSCD IDs'
printf 'wiped' > "$WORK/pattern"
ask sg_sanitize --quick --wait --overwrite --pattern="$WORK/pattern" --ipl=5 @
cmp -n 5 "$WORK/pattern" "$WORK/thin" || fail "SANITIZE did not overwrite"
ask sg_start --eject @
expect_exit "$not_ready" "${of[@]}" host sg_turs @
ask sg_start --load @
ask sg_turs @
stop_holdfastd
