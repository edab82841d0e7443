# Users of discovery and of a target: libiscsi's tools and our own get in with the right secrets alone,
# both ways where they ask for it; no secret is ever printed.
. "$(dirname "$0")/lib.sh"
need iscsi-inq iscsi-ls
truncate -s 64M "$WORK/image"
CONFIG="$WORK/holdfastd.conf"
(umask 077; cat > "$CONFIG" <<CONF
IncomingUser scout the-scouts-secret
Target $IQN
    Lun 0 Path=$WORK/image,Type=fileio,IOMode=wb
    IncomingUser alice alices-own-secret
    OutgoingUser disk the-disks-secret
CONF
)
start_holdfastd

say "one way"
expect_exit 0 iscsi-inq "iscsi://alice%alices-own-secret@$PORTAL/$IQN/0"
for url in "iscsi://$PORTAL/$IQN/0" "iscsi://alice%alices-new-secret@$PORTAL/$IQN/0" \
    "iscsi://scout%the-scouts-secret@$PORTAL/$IQN/0"; do
  if iscsi-inq "$url" > "$WORK/out" 2>&1; then fail "$url was let in"; fi
done
say "mutual"
expect_exit 0 iscsi-inq "iscsi://alice%alices-own-secret@$PORTAL/$IQN/0?target_user=disk&target_password=the-disks-secret"
if iscsi-inq "iscsi://alice%alices-own-secret@$PORTAL/$IQN/0?target_user=disk&target_password=another-disks-secret" \
    > "$WORK/out" 2>&1; then
  fail "libiscsi took us for a target with another secret"
fi
say "discovery"
expect_exit 0 iscsi-ls "iscsi://scout%the-scouts-secret@$PORTAL"
expect_says "$IQN"
if iscsi-ls "iscsi://$PORTAL" > "$WORK/out" 2>&1; then fail "discovery without a secret"; fi

say "our own initiator"
HOLDFAST_PASSWORD=alices-own-secret expect_exit 0 "$HOLDFAST" copy /usr/include/linux "iscsi://alice@$PORTAL/$IQN/0" --verify
expect_says STEADY
HOLDFAST_PASSWORD=alices-new-secret expect_exit 3 "$HOLDFAST" copy /usr/include/linux "iscsi://alice@$PORTAL/$IQN/0"
expect_says 'uthentication'

expect_says 'response of user alice is wrong' "$WORK/holdfastd.log"
expect_says 'no user scout' "$WORK/holdfastd.log"
! grep -qE 'secret' "$WORK/holdfastd.log" || fail "a secret is in the log"
stop_holdfastd

say "a file with secrets that everybody can read"
chmod 644 "$CONFIG"
expect_exit 0 "$HOLDFASTD" --check -c "$CONFIG"
expect_says 'warning: holds secrets and can be read by everybody'
