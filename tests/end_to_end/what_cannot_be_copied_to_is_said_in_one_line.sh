# Whatever is wrong with an iSCSI destination: one line that says what was tried, what answered and
# what to do, the right exit code, and nothing written.
. "$(dirname "$0")/refusals.sh"

say 'typos'
expect_refusal 2 'iscs://h/iqn\.x:y/0 is no destination: did you mean iscsi\? Write iscsi://host' iscs://h/iqn.x:y/0
expect_refusal 2 'ndb://h/x is no destination: did you mean nbd\?' ndb://h/x
expect_refusal 2 "$WORK/image is no destination: write file://$WORK/image" "$WORK/image"
expect_refusal 2 "the target's name is missing; the form is iscsi://" iscsi://127.0.0.1

say 'nobody, or somebody else'
expect_refusal 3 'connect to 127\.0\.0\.1:[0-9]+: Connection refused; is an iSCSI target running there' \
  "iscsi://127.0.0.1:$(free_port)/$IQN/0"
listen ssh 'c.send(b"SSH-2.0-Server_1.0\r\n")'
expect_refusal 3 'log in to .*: it is no iSCSI target, it says "SSH-2\.0-Server_1\.0"; check host and port' \
  "iscsi://127.0.0.1:$LISTENER/$IQN/0"
listen closing 'c.close()'
expect_refusal 3 '(log in|connect) to .*(closed|reset|Broken pipe).*; is (it )?an iSCSI target' "iscsi://127.0.0.1:$LISTENER/$IQN/0"
listen silent ''
expect_refusal 3 'log in to .*: no answer within 3\.[0-9] s; is it an iSCSI target that listens there\?' \
  "iscsi://127.0.0.1:$LISTENER/$IQN/0"

say 'no such target or LUN'
one_lun "$WORK/image"
start_holdfastd
expect_refusal 3 'log in to .*: target iqn\.no:ne not found \(status 0203h\); `holdfast discover iscsi://' "iscsi://$PORTAL/iqn.no:ne/0"
expect_refusal 3 'open LUN 7 at .*: the target has no LUN 7; `holdfast discover iscsi://' "iscsi://$PORTAL/$IQN/7"
stop_holdfastd

say 'read-only'
one_lun "$WORK/image" IOMode=ro
start_holdfastd
expect_refusal 3 'write to iscsi://.*: it is read-only; have its server export it writable' "$URL"
stop_holdfastd

say 'too small'
truncate -s 1k "$WORK/tiny"
expect_refusal 2 "copy $WORK/tree to file://$WORK/tiny: that needs .* and it has 1\.0 KiB in all: .*; make it larger" "file://$WORK/tiny"

say 'credentials, against somebody else'"'"'s target'
start_tgtd "$WORK/image"
channel="$(tr '\0' ' ' < "/proc/$PID/cmdline" | grep -oE -- '-C [0-9]+')"
# shellcheck disable=SC2086 # an option and its value
account() { tgtadm $channel --lld iscsi --mode account "$@"; }
account --op new --user somebody --password twelve-letters
account --op bind --tid 1 --user somebody
as() { echo "${URL/iscsi:\/\//iscsi://$1@}"; }
expect_refusal 3 'log in to .*: authentication failed: it wants a user and a password .*; write iscsi://USER@' "$URL"
expect_refusal 3 'log in to .*: authentication failed for user somebody .*; check the user' "$(as somebody%wrong-letters)"
expect_refusal 3 'log in to .*: authentication failed for user nobody .*; check the user' "$(as nobody%twelve-letters)"
! grep -q letters "$WORK/out" || fail "a password is printed"
[[ $(allocated_mib "$WORK/image") -eq 0 ]] || fail "something was written"
expect_exit 0 env HOLDFAST_PASSWORD=twelve-letters "$HOLDFAST" copy "$WORK/tree" "$(as somebody)" --quiet
