# libiscsi's tools and `holdfast discover`, over IPv4 and IPv6, with several targets, without CHAP, with CHAP
# one way and both ways, with header digests: each gets in, or is told why not, as it should.
. "$(dirname "$0")/lib.sh"
need iscsi-ls iscsi-inq iscsi-readcapacity16 iscsi-perf
truncate -s 64M "$WORK/"{plain,one-way,mutual,digest}.img
truncate -s 32M "$WORK/second.img"
CONFIG="$WORK/holdfastd.conf"
(umask 077; cat > "$CONFIG" << CONF
IncomingUser alice alices-own-secret
OutgoingUser disk the-disks-secret
Target $IQN.plain
    Lun 0 Path=$WORK/plain.img
    Lun 5 Path=$WORK/second.img,IOMode=ro
Target $IQN.one-way
    Lun 0 Path=$WORK/one-way.img
    IncomingUser alice alices-own-secret
Target $IQN.mutual
    Lun 0 Path=$WORK/mutual.img
    IncomingUser alice alices-own-secret
    OutgoingUser disk the-disks-secret
Target $IQN.digest
    Lun 0 Path=$WORK/digest.img
    HeaderDigest CRC32C
    IncomingUser alice alices-own-secret
    OutgoingUser disk the-disks-secret
CONF
)
python3 -c 'import socket; socket.socket(socket.AF_INET6).bind(("::1", 0))' 2> /dev/null && has_ipv6=yes || has_ipv6=
! grep -q secret <(env) || fail "the environment has secrets"

# every_tool URL BLOCKS: each of them reads what is there.
every_tool() {
  expect_exit 0 iscsi-inq "$1"
  expect_says 'Peripheral Device Type:DIRECT_ACCESS'
  expect_exit 0 iscsi-readcapacity16 "$1"
  expect_says "RETURNED LOGICAL BLOCK ADDRESS:$(($2 - 1))\$"
  expect_exit 0 iscsi-perf -t 1 -m 8 -b 8 "$1"
  expect_says 'iops'
  expect_exit 0 iscsi-swp "$1"
  expect_says 'SWP:0'
}
# refuses URL WORDS: none of them gets in.
refuses() {
  local tool
  for tool in iscsi-inq iscsi-readcapacity16; do
    if timeout 60 "$tool" "$1" > "$WORK/out" 2>&1; then fail "$tool was let in: $1"; fi
    expect_says "$2"
  done
}

for address in 127.0.0.1 ::1; do
  if [[ $address == ::1 && -z "$has_ipv6" ]]; then say "no IPv6 here: not tried"; continue; fi
  say "$address"
  ADDRESS="$address" start_holdfastd
  mutual='?target_user=disk&target_password=the-disks-secret'
  alice="alice%alices-own-secret@"

  expect_exit 0 iscsi-ls -s "iscsi://$alice$PORTAL"
  for name in plain one-way mutual digest; do expect_says "^Target:$IQN.$name Portal:${PORTAL//[\[\]]/.},1\$"; done
  expect_says '^Lun:5 '
  if iscsi-ls "iscsi://$PORTAL" > "$WORK/out" 2>&1; then fail "iscsi-ls was let in without a secret"; fi
  expect_exit 0 iscsi-ls --url "iscsi://$alice$PORTAL$mutual"
  expect_says "iscsi://${PORTAL//[\[\]]/.}/$IQN.plain"
  every_tool "iscsi://$PORTAL/$IQN.plain/0" 131072
  expect_exit 0 iscsi-readcapacity16 "iscsi://$PORTAL/$IQN.plain/5"
  every_tool "iscsi://$alice$PORTAL/$IQN.one-way/0" 131072
  every_tool "iscsi://$alice$PORTAL/$IQN.mutual/0$mutual" 131072
  every_tool "iscsi://$alice$PORTAL/$IQN.digest/0$mutual&header_digest=crc32c" 131072
  expect_says "$IQN.digest.*HeaderDigest=CRC32C" "$WORK/holdfastd.log"
  refuses "iscsi://$PORTAL/$IQN.one-way/0" 'Authentication failure|authentic'
  refuses "iscsi://alice%another-secret-1@$PORTAL/$IQN.one-way/0" 'Authentication failure|authentic'
  refuses "iscsi://$alice$PORTAL/$IQN.mutual/0?target_user=disk&target_password=another-secret-2" 'CHAP|authentic'
  refuses "iscsi://$PORTAL/$IQN.nobody/0" 'not found|Not found|Target not'

  say "holdfast discover"
  expect_exit 3 "$HOLDFAST" discover "iscsi://$PORTAL"
  expect_says 'it wants a user and a password'
  expect_exit 0 "$HOLDFAST" discover "iscsi://$alice$PORTAL"
  expect_says '32.0 MiB .* read-only'
  [[ $(grep -c '64.0 MiB' "$WORK/out") -eq 3 ]] || fail "one way, not three LUNs are seen: $(cat "$WORK/out")"
  expect_exit 0 "$HOLDFAST" discover "iscsi://$alice$PORTAL/$mutual&header_digest=crc32c"
  cat "$WORK/out"
  [[ $(grep -c 'cannot be looked into' "$WORK/out") -eq 2 ]] ||
    fail "targets that cannot prove who they are: not two: $(cat "$WORK/out")"
  HOLDFAST_TARGET_PASSWORD=another-secret-3 expect_exit 3 "$HOLDFAST" discover "iscsi://$alice$PORTAL?target_user=disk"
  cat "$WORK/out"
  stop_holdfastd
done
