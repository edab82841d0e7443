# Two portal groups are two target ports: a registration through one is none through the other, unless
# it was made for all of them (ALL_TG_PT), or the reservation was moved there.
. "$(dirname "$0")/lib.sh"
need sg_persist sg_raw
truncate -s 16M "$WORK/image"
head -c 512 /dev/zero > "$WORK/zeros"
cat > "$WORK/groups.conf" << CONFIG
PortalGroup 1 127.0.0.1
PortalGroup 7 127.0.0.2
Target $IQN
    Lun 0 Path=$WORK/image
CONFIG
mkfifo "$WORK/ready"
"$HOLDFASTD" -f -c "$WORK/groups.conf" -p 0 --ready-fd 3 3> "$WORK/ready" > "$WORK/holdfastd.log" 2>&1 < /dev/null &
DAEMON=$!
own_processes+=("$DAEMON")
exec {ready}< "$WORK/ready"
read -rt 60 -u "$ready" _ first || fail "holdfastd did not get ready"
read -rt 60 -u "$ready" _ seventh || fail "holdfastd has one portal only"
exec {ready}<&-
readonly conflict=24
use_sg_tools
by() { URL="iscsi://$1/$IQN/0"; }
write_one_block=(sg_raw -s 512 -i "$WORK/zeros" @ 2a 00 00 00 00 00 00 00 01 00)

by "$first"
expect_exit 0 "${of[@]}" a sg_persist --out --register --param-sark=a1 @
expect_exit 0 "${of[@]}" a sg_persist --out --reserve --param-rk=a1 --prout-type=5 @
expect_exit 0 "${of[@]}" a "${write_one_block[@]}"
by "$seventh"
expect_exit "$conflict" "${of[@]}" a "${write_one_block[@]}"
by "$first"
expect_exit 0 "${of[@]}" a sg_persist --out --register-ignore --param-sark=a1 --param-alltgpt @
by "$seventh"
expect_exit 0 "${of[@]}" a "${write_one_block[@]}"
expect_exit "$conflict" "${of[@]}" b "${write_one_block[@]}"
expect_exit 0 "${of[@]}" a sg_persist --in --read-full-status @
expect_says 'Relative port address: 0x1$'
expect_says 'Relative port address: 0x7$'

say "moved to another host, behind the other portal group"
by "$first"
b="iqn.2026-11.example.holdfast:b,i,0x800000010000"
expect_exit 5 "${of[@]}" a sg_persist --out --register-move --param-rk=a1 --param-sark=b1 \
  --relative-target-port=2 --transport-id="$b" @
expect_exit 0 "${of[@]}" a sg_persist --out --register-move --param-rk=a1 --param-sark=b1 \
  --relative-target-port=7 --transport-id="$b" @
expect_exit "$conflict" "${of[@]}" b "${write_one_block[@]}"
by "$seventh"
expect_exit 0 "${of[@]}" b "${write_one_block[@]}"
expect_exit 0 "${of[@]}" b sg_persist --out --release --param-rk=b1 --prout-type=5 @
by "$first"
expect_exit 0 "${of[@]}" b "${write_one_block[@]}"
stop_holdfastd
