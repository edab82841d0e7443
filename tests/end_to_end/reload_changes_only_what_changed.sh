# SIGHUP and `holdfastadm reload`: targets, Luns, users and keys come, go and change as the file says; a
# session of a target that is not named in it notices nothing, by our own watch; a Lun with I/O in flight
# finishes it; a broken file changes nothing and says why; Luns grow.
. "$(dirname "$0")/lib.sh"
need iscsi-ls iscsi-inq iscsi-readcapacity16
for image in a b c d; do truncate -s 64M "$WORK/$image"; done
CONFIG="$WORK/holdfastd.conf"
a=iqn.2026-11.example:a b=iqn.2026-11.example:b c=iqn.2026-11.example:c
write_config() { (umask 077; cat > "$CONFIG"); }
write_config << CONF
Target $a
    Lun 0 Path=$WORK/a,IOMode=wb
Target $b
    Lun 0 Path=$WORK/b,IOMode=wb
    Lun 1 Path=$WORK/c,IOMode=wb
CONF
start_holdfastd
reload() { expect_exit 0 "$HOLDFASTADM" --control "$WORK/control" reload; }

say "a load goes on beside every reload"
start steady "$HOLDFAST" load "iscsi://$PORTAL/$a/0" --rw randrw --block 4k --depth 8 --time 100s --rate 500 \
  --stall 1s --json "$WORK/steady.json" --verify
steady="$PID"
wait_until 20 eval "adm session | grep -q sid:" || fail "no session appears"
sid="$(adm session | sed -n 's/^\tsid:\([0-9]*\) .*$/\1/p')"

say "nothing has changed"
reload
expect_says '^nothing in it has changed$'

say "targets, Luns, users and keys come, go and change"
write_config << CONF
IncomingUser scout the-scouts-secret
Target $c
    Lun 0 Path=$WORK/d
    IncomingUser joe the-secret-of-joe
Target $a
    Lun 0 Path=$WORK/a,IOMode=wb
Target $b
    Lun 1 Path=$WORK/b,IOMode=ro
    Lun 2 Path=$WORK/c
    QueuedCommands 64
CONF
reload
expect_says '^1 target added, 0 removed, 1 changed; 3 Luns added, 2 removed; users of discovery changed$'
adm volume > "$WORK/volume"
expect_says "lun:1 state:0 .* iomode:ro .* path:$WORK/b$" "$WORK/volume"
expect_says "lun:2 state:0 .* iomode:wt .* path:$WORK/c$" "$WORK/volume"
expect_exit 0 iscsi-ls "iscsi://scout%the-scouts-secret@$PORTAL"
expect_says "Target:$c "
expect_exit 0 iscsi-inq "iscsi://joe%the-secret-of-joe@$PORTAL/$c/0"
if iscsi-inq "iscsi://$PORTAL/$c/0" > "$WORK/out" 2>&1; then fail "let in without a secret"; fi
if iscsi-inq "iscsi://$PORTAL/$b/0" > "$WORK/out" 2>&1; then fail "Lun 0 of b is still there"; fi
expect_exit 0 iscsi-inq "iscsi://$PORTAL/$b/1"
adm --op show --tid 2 | grep -qx QueuedCommands=64 || fail "the key has not changed"

say "a broken file changes nothing and says why"
adm volume > "$WORK/before"
cp "$CONFIG" "$WORK/good.conf"
{ cat "$WORK/good.conf"; echo "    QueuedComands 3"; echo "    Lun 9 Path=$WORK/d"; } > "$CONFIG"
adm_fails 234 'did you mean QueuedCommands' reload
expect_says '^holdfastadm: nothing is changed$'
{ cat "$WORK/good.conf"; echo "    Lun 8 Path=$WORK/nowhere"; echo "    Lun 9 Path=$WORK/d"; } > "$CONFIG"
adm_fails 234 ':11: error: Lun 8: .*No such file' reload
expect_says ':12: error: Lun 9: .*is served already, by Lun 0 of iqn.2026-11.example:c'
rm "$CONFIG"
adm_fails 234 'No such file' reload
kill -HUP "$DAEMON"
wait_until 10 grep -q 'cannot be served; nothing is changed' "$WORK/holdfastd.log" || fail "the log does not say it"
adm volume | diff "$WORK/before" - || fail "something has changed"
cp "$WORK/good.conf" "$CONFIG"

say "SIGHUP, and a target that goes with a session on it"
start leaving "$HOLDFAST" load "iscsi://joe%the-secret-of-joe@$PORTAL/$c/0" --rw write --time 60s --rate 50
leaving="$PID"
wait_until 20 eval "[[ \$(adm session | grep -c sid:) -eq 2 ]]" || fail "no session appears"
write_config << CONF
Target $a
    Lun 0 Path=$WORK/a,IOMode=wb
CONF
kill -HUP "$DAEMON"
wait_until 20 eval "[[ \$(adm volume | wc -l) -eq 2 ]]" || fail "targets are left: $(adm volume)"
expect_exit_of "$leaving" 4 30 "the load whose target is gone"
expect_says "on $c .*: logged out" "$WORK/holdfastd.log"

say "a Lun with I/O in flight finishes it; its file moves to another target"
write_config << CONF
Target $a
    Lun 0 Path=$WORK/a,IOMode=wb
Target $c
    Lun 0 Path=$WORK/d,IOMode=wb
CONF
reload
start busy "$HOLDFAST" load "iscsi://$PORTAL/$c/0" --rw write --depth 32 --time 60s
busy="$PID"
wait_until 20 eval "[[ \$(adm session | grep -c sid:) -eq 2 ]]" || fail "no session appears"
write_config << CONF
Target $a
    Lun 0 Path=$WORK/a,IOMode=wb
Target $b
    Lun 5 Path=$WORK/d,IOMode=wb
Target $c
CONF
reload
adm volume > "$WORK/volume"
expect_says "lun:5 state:0 .* path:$WORK/d$" "$WORK/volume"
expect_exit 0 iscsi-inq "iscsi://$PORTAL/$b/5"
wait_until 30 eval "! is_alive $busy" || fail "a load goes on without its Lun"
! grep -qE 'CHECK failed|ended by order' "$WORK/holdfastd.log" || fail "its session was ended"

say "a Lun grows, by order and by reload"
truncate -s 96M "$WORK/d"
adm resize | grep -q 'Lun 5 of .* has grown from 67108864 to 100663296 bytes' || fail "it does not say so"
expect_exit 0 iscsi-readcapacity16 "iscsi://$PORTAL/$b/5"
expect_says 'LBA: *196607|Total size: *100663296|196607'
truncate -s 128M "$WORK/d"
reload
expect_says 'Lun 5 of .* has grown from 100663296 to 134217728 bytes'
truncate -s 64M "$WORK/d"
adm resize | grep -q 'does not shrink under its users' || fail "it does not say so"
truncate -s 128M "$WORK/d"

say "whoever was not named noticed nothing"
adm session | grep -q "sid:$sid " || fail "the steady session is another one"
kill -INT "$steady"
wait "$steady" || true
expect_json "$WORK/steady.json" 'run["totals"]["bytes"] > 0'
expect_json "$WORK/steady.json" 'not [e for e in run["events"] if e["kind"] in ("stall", "hang", "outage", "reconnect", "mismatch")]'
stop_holdfastd
