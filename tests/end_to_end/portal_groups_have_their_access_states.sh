# Two portal groups are two target port groups: each says which one it is, all are reported by either,
# and each is brought to a state of its own, by SET TARGET PORT GROUPS or by holdfastadm.
. "$(dirname "$0")/lib.sh"
need sg_vpd sg_rtpg sg_stpg sg_turs
truncate -s 16M "$WORK/image"
cat > "$WORK/groups.conf" << CONFIG
PortalGroup 1 127.0.0.1
PortalGroup 7 127.0.0.2
Target $IQN
    Lun 0 Path=$WORK/image
CONFIG
mkfifo "$WORK/ready"
"$HOLDFASTD" -f -c "$WORK/groups.conf" -p 0 --control "$WORK/control" --ready-fd 3 3> "$WORK/ready" \
  > "$WORK/holdfastd.log" 2>&1 < /dev/null &
DAEMON=$!
own_processes+=("$DAEMON")
exec {ready}< "$WORK/ready"
read -rt 60 -u "$ready" _ first || fail "holdfastd did not get ready"
read -rt 60 -u "$ready" _ seventh || fail "holdfastd has one portal only"
exec {ready}<&-
use_sg_tools
by() { URL="iscsi://$1/$IQN/0"; }
ask() { expect_exit 0 "${of[@]}" host "$@"; }
# expect_not_ready ASCQ: libiscsi, by which the tools come, asks when it logs in, and goes no farther.
expect_not_ready() {
  expect_exit 98 "${of[@]}" host sg_turs @
  expect_says "NOT READY.*$1"
}

by "$first"
ask sg_vpd --page=di @
expect_says 'Relative target port: 0x1$'
expect_says 'Target port group: 0x1$'
by "$seventh"
ask sg_vpd --page=di @
expect_says 'Relative target port: 0x7$'
expect_says 'Target port group: 0x7$'
ask sg_vpd --page=sp @
expect_says 't,0x0001'
expect_says 't,0x0007'
for portal in "$first" "$seventh"; do
  by "$portal"
  ask sg_rtpg --decode @
  expect_says 'target port group id : 0x1 '
  expect_says 'target port group id : 0x7 '
  [[ "$(grep -c 'active/optimized' "$WORK/out")" -eq 2 ]] || fail "not two that are active: $(cat "$WORK/out")"
done

say "explicitly"
by "$first"
ask sg_stpg --tp=7 --state=s @
ask sg_turs @
by "$seventh"
expect_not_ready 0x040b
by "$first"
ask sg_rtpg --decode @
expect_says 'standby'
ask sg_stpg --tp=3 --state=s @  # It says what is wrong, and ends with 0.
expect_says 'Illegal request'
ask sg_stpg --tp=7 --state=ao @
by "$seventh"
ask sg_turs @

say "implicitly"
adm --op update --tid 1 --lun 0 --params AccessState=unavailable,PortalGroup=7
expect_not_ready 0x040c
by "$first"
ask sg_turs @
adm --op update --tid 1 --lun 0 --params AccessState=active/non-optimized
by "$seventh"
ask sg_turs @
ask sg_rtpg --decode @
[[ "$(grep -c 'active/non optimized\|active/non-optimized' "$WORK/out")" -ge 2 ]] || fail "$(cat "$WORK/out")"
adm_fails 234 'AccessState=sleepy changes nothing' --op update --tid 1 --lun 0 --params AccessState=sleepy
adm_fails 254 'no portal group 3' --op update --tid 1 --lun 0 --params AccessState=standby,PortalGroup=3
adm_fails 254 'no Lun 9' --op update --tid 1 --lun 9 --params AccessState=standby
stop_holdfastd
