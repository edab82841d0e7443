# An ietd.conf that IET served in its own way: refused line by line, and with --compat served as IET did, with
# a warning for each line and for a Lun that cannot be opened; a reload judges by the same measure.
. "$(dirname "$0")/lib.sh"
need iscsi-inq
truncate -s 64M "$WORK/a"
CONFIG="$WORK/holdfastd.conf"
cat > "$CONFIG" << CONF
QueuedCommands 8
Target $IQN
    Lun 0 Path=$WORK/a
    Lun 1 Path=$WORK/nowhere
    Lun 2 Path=$WORK/a,Compress=yes
    MaxSesions 3
    QueuedCommands 1000
    ErrorRecoveryLevel 2
CONF
expect_exit 2 "$HOLDFASTD" --check -c "$CONFIG"
for line in 1 4 5 6 7 8; do expect_says ":$line: error: "; done
expect_exit 0 "$HOLDFASTD" --check --compat -c "$CONFIG"
for line in 1 4 5 6 7 8; do expect_says ":$line: warning: .*; as with IET, "; done

start_holdfastd --compat
expect_exit 0 iscsi-inq "iscsi://$PORTAL/$IQN/0"
adm volume > "$WORK/volume"
[[ $(wc -l < "$WORK/volume") -eq 2 ]] || fail "other Luns: $(cat "$WORK/volume")"
adm --op show --tid 1 | grep -qx QueuedCommands=1 || fail "not the least: $(adm --op show --tid 1)"
truncate -s 64M "$WORK/nowhere"
expect_exit 0 "$HOLDFASTADM" --control "$WORK/control" reload
expect_says '^0 targets added, 0 removed, 1 changed; 1 Lun added, 0 removed$'
expect_says ':7: warning: QueuedCommands is "1000"'
expect_exit 0 iscsi-inq "iscsi://$PORTAL/$IQN/1"
stop_holdfastd
