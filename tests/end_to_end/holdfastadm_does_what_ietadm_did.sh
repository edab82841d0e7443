# Every call of ietadm, and those that it only had names for: their effect on the wire, their output to the
# letter, their exit codes; what IET had in /proc; and the running state saved as a configuration that serves
# the same.
. "$(dirname "$0")/lib.sh"
need iscsi-ls iscsi-inq iscsi-readcapacity16
truncate -s 64M "$WORK/a" "$WORK/b" "$WORK/c"
CONFIG="$WORK/holdfastd.conf"
printf 'Target iqn.2026-11.example:a\n    Lun 0 Path=%s\n' "$WORK/a" > "$CONFIG"
start_holdfastd
b=iqn.2026-11.example:b

# expect_lines FILE: holdfastadm's last output is that.
expect_lines() { diff -u "$1" "$WORK/out" || fail "other lines than expected"; }
# ask OPTION...: it succeeds; its output is in $WORK/out.
ask() { expect_exit 0 "$HOLDFASTADM" --control "$WORK/control" "$@"; }
quietly() { ask "$@"; [[ ! -s "$WORK/out" ]] || fail "it is not silent: $(cat "$WORK/out")"; }
lets_in() { expect_exit 0 iscsi-inq "$1"; }
refuses() { if iscsi-inq "$1" > "$WORK/out" 2>&1; then fail "let in: $1"; fi; }

say "targets"
quietly --op new --tid 0 --params "Name=$b"
expect_exit 0 iscsi-ls "iscsi://$PORTAL"
expect_says "Target:$b "
adm_fails 239 '^File exists\.$' --op new --tid 0 --params "Name=$b"
adm_fails 239 '^holdfastadm: there is a target with tid 1 already' --op new --tid 1 --params Name=iqn.2026-11.example:c
quietly --op new --tid 7 --params Name=iqn.2026-11.example:c
quietly --op new --tid 0 --params Name=iqn.2026-11.example:d
ask --op show
expect_says '^tid 8  iqn\.2026-11\.example:d  Luns 0  sessions 0$'
quietly --op delete --tid 7
quietly -o delete -t 8
adm_fails 254 '^No such file or directory\.$' --op delete --tid 7
adm_fails 234 '^Invalid argument\.$' --op new --tid 0 --params Name=nonsense
adm_fails 234 'Name=IQN is needed' --op new --tid 0 --params name=$b
adm_fails 234 'a name is one line' --op new --tid 0 --params "Name=$b"$'\nIncomingUser eve secret-of-eve!'

say "Luns"
quietly --op new --tid 2 --lun 3 --params "Path=$WORK/b,Type=fileio,IOMode=wb,ScsiId=the-id,ScsiSN=THE-SN"
lets_in "iscsi://$PORTAL/$b/3"
expect_says 'Peripheral Device Type:DIRECT_ACCESS'
ask --op show --tid 2 --lun 3
cat > "$WORK/expected" << LINES
Lun=3
Type=fileio
Path=$WORK/b
IOMode=wb
BlockSize=512
Blocks=131072
ScsiId=the-id
ScsiSN=THE-SN
LINES
expect_lines "$WORK/expected"
adm_fails 239 'has a Lun 3 already' --op new --tid 2 --lun 3 --params "Path=$WORK/c"
adm_fails 234 'is served already, by Lun 3 of iqn.2026-11.example:b' --op new --tid 2 --lun 4 --params "Path=$WORK/b"
adm_fails 234 'No such file' --op new --tid 2 --lun 4 --params "Path=$WORK/nowhere"
adm_fails 234 'did you mean IOMode' --op new --tid 2 --lun 4 --params "Path=$WORK/c,IOMod=wt"
adm_fails 254 'has no Lun 4' --op show --tid 2 --lun 4
quietly --op new --tid 2 --lun 5 --params "Type=nullio,Blocks=2048,BlockSize=4096"

say "what IET had in /proc/net/iet/volume"
ask volume
cat > "$WORK/expected" << LINES
tid:2 name:$b
	lun:3 state:0 iotype:fileio iomode:wb blocks:131072 blocksize:512 path:$WORK/b
	lun:5 state:0 iotype:nullio iomode:wt blocks:2048 blocksize:4096
tid:1 name:iqn.2026-11.example:a
	lun:0 state:0 iotype:fileio iomode:wt blocks:131072 blocksize:512 path:$WORK/a
LINES
expect_lines "$WORK/expected"

say "keys"
quietly --op update --tid 2 --params QueuedCommands=64,NOPInterval=10,HeaderDigest=CRC32C,InitialR2T=Yes
ask --op show --tid 2
printf '%s\n' Wthreads=8 Type=0 QueuedCommands=64 NOPInterval=10 NOPTimeout=10 > "$WORK/expected"
expect_lines "$WORK/expected"
ask --op show --tid 2 --sid 0
printf '%s\n' MaxConnections=1 InitialR2T=Yes ImmediateData=Yes MaxRecvDataSegmentLength=262144 \
  MaxXmitDataSegmentLength=262144 MaxBurstLength=1048576 FirstBurstLength=262144 DefaultTime2Wait=2 \
  DefaultTime2Retain=0 MaxOutstandingR2T=8 DataPDUInOrder=Yes DataSequenceInOrder=Yes ErrorRecoveryLevel=0 \
  HeaderDigest=CRC32C DataDigest=CRC32C,None OFMarker=No IFMarker=No OFMarkInt=2048 IFMarkInt=2048 > "$WORK/expected"
grep -v '^MaxConnections=' "$WORK/out" > "$WORK/rest"
grep -v '^MaxConnections=' "$WORK/expected" | diff -u - "$WORK/rest" || fail "other keys than expected"
[[ $(wc -l < "$WORK/out") -eq 19 ]] || fail "not nineteen lines"
lets_in "iscsi://$PORTAL/$b/3"
expect_says "on $b .* InitialR2T=Yes .* QueuedCommands=64 HeaderDigest=CRC32C" "$WORK/holdfastd.log"
quietly --op update --tid 2 --params HeaderDigest=CRC32C,None,InitialR2T=No
quietly --op update --tid 2 --redirect 127.0.0.1:1
refuses "iscsi://$PORTAL/$b/3"
adm_fails 234 'Redirect is' --op update --tid 2 --redirect nowhere:at:all
quietly --op update --tid 2 --redirect ""
lets_in "iscsi://$PORTAL/$b/3"
adm_fails 234 'QueuedCommands is "1000"; 1 to 256 is accepted' --op update --tid 2 --params QueuedCommands=1000
adm_fails 234 'did you mean NOPInterval' --op update --tid 2 --params NOPInterva=1
adm_fails 254 'no target with tid 9' --op update --tid 9 --params NOPInterval=1

say "users"
quietly --op new --user --tid 2 --params IncomingUser=joe,Password=the-secret-of-joe
refuses "iscsi://$PORTAL/$b/3"
lets_in "iscsi://joe%the-secret-of-joe@$PORTAL/$b/3"
quietly --op new --user --params IncomingUser=scout,Password=the-scouts-secret
if iscsi-ls "iscsi://$PORTAL" > "$WORK/out" 2>&1; then fail "discovery without a secret"; fi
expect_exit 0 iscsi-ls "iscsi://scout%the-scouts-secret@$PORTAL"
adm_fails 239 'a user of that name already' --op new --user --tid 2 --params IncomingUser=joe,Password=another-secret-of-joe
adm_fails 234 '12 to 255 are accepted' --op new --user --tid 2 --params IncomingUser=jim,Password=short
quietly --op new --user --tid 2 --params OutgoingUser=disk,Password=the-disks-own-secret
ask --op show --user --tid 2
printf '%s\n' 'IncomingUser joe' 'OutgoingUser disk' > "$WORK/expected"
expect_lines "$WORK/expected"
ask --op show --user --tid 2 --params IncomingUser=joe
echo 'IncomingUser joe the-secret-of-joe' > "$WORK/expected"
expect_lines "$WORK/expected"
adm_fails 254 'no such user' --op delete --user --tid 2 --params IncomingUser=eve
quietly --op delete --user --tid 2 --params OutgoingUser=disk
! grep -q 'secret' "$WORK/holdfastd.log" || fail "a secret is in the log"

say "sessions"
# use_it: somebody writes to the disk in a session of its own; sets load (pid) and sid.
use_it() {
  HOLDFAST_PASSWORD=the-secret-of-joe start load "$HOLDFAST" load "iscsi://joe@$PORTAL/$b/3" --rw write --time 60s --rate 50
  load="$PID"
  wait_until 20 eval "adm session | grep -q sid:" || fail "no session appears"
  sid="$(adm session | sed -n 's/^\tsid:\([0-9]*\) initiator:iqn\..*$/\1/p')"
}
use_it
ask session
grep -qxP '\t\tcid:\d+ ip:127\.0\.0\.1 state:active hd:(none|crc32c) dd:(none|crc32c)' "$WORK/out" ||
  fail "another line: $(cat "$WORK/out")"
[[ "$(sed -n 1p "$WORK/out")" == "tid:2 name:$b" && "$(tail -n 1 "$WORK/out")" == "tid:1 name:iqn.2026-11.example:a" ]] ||
  fail "other targets: $(cat "$WORK/out")"
cid="$(sed -n 's/^\t\tcid:\([0-9]*\) .*/\1/p' "$WORK/out")"
ask --op show --tid 2 --sid "$sid"
[[ $(wc -l < "$WORK/out") -eq 19 ]] || fail "not nineteen lines"
ask --op show --tid 2 --sid "$sid" --cid "$cid"
expect_says '^Initiator=127\.0\.0\.1:[0-9]+$'
adm_fails 240 '^Device or resource busy\.$' --op delete --tid 2
expect_says 'has 1 session; end them first, or say --force'
adm_fails 254 'has no session 5' --op delete --tid 2 --sid 5
adm_fails 254 'has no connection 77' --op delete --tid 2 --sid "$sid" --cid 77
for level in "--cid $cid" ""; do
  # shellcheck disable=SC2086 # two words or none
  quietly --op delete --tid 2 --sid "$sid" $level
  wait_until 20 eval "! adm session | grep -q sid:$sid" || fail "the session is still there"
  expect_exit_of "$load" 4 30 "the load whose session was ended"
  use_it
done

say "JSON on everything"
ask --op show --json
cp "$WORK/out" "$WORK/all.json"
expect_json "$WORK/all.json" 'run["targets"][1]["luns"][0]["ScsiSN"] == "THE-SN" and run["targets"][1]["sessions"][0]["user"] == "joe"'
for call in "--op show --tid 2" "--op show --tid 2 --sid 0" "--op show --tid 2 --lun 3" "--op show --user --tid 2" volume session \
    resize "save $WORK/saved" "--op update --tid 2 --params MaxSessions=5"; do
  # shellcheck disable=SC2086 # several words
  ask $call --json
  python3 -m json.tool "$WORK/out" > /dev/null || fail "no JSON: $call"
done
! grep -q 'secret' "$WORK/all.json" || fail "a secret is shown"
"$HOLDFASTADM" --control "$WORK/control" --op show --tid 9 --json > "$WORK/json" 2> /dev/null || true
expect_json "$WORK/json" 'run["errno"] == 2 and "tid 9" in run["message"]'

say "what is saved is what is served"
ask save "$WORK/saved"
[[ "$(stat -c %a "$WORK/saved")" == 600 ]] || fail "others can read it"
grep -qE 'IncomingUser joe the-secret-of-joe' "$WORK/saved" || fail "no secret in it"
expect_exit 0 "$HOLDFASTD" --check -c "$WORK/saved"
cp "$CONFIG" "$WORK/before"
ask save
cmp -s "$WORK/before" "$CONFIG.bak" || fail "the old configuration is not kept"
ask reload
expect_says '^nothing in it has changed$'
adm volume > "$WORK/served"

say "the end of a target in use"
quietly --op delete --tid 2 --force
wait_until 20 eval "! adm session | grep -q '$b'" || fail "it is still there"
refuses "iscsi://joe%the-secret-of-joe@$PORTAL/$b/3"
quietly --op new --user --tid 1 --params IncomingUser=joe,Password=the-secret-of-joe
quietly --op delete
ask volume
[[ ! -s "$WORK/out" ]] || fail "targets are left"
expect_exit_of "$load" 4 30 "the load whose target is gone"
stop_holdfastd

say "without a daemon"
adm_fails 254 'cannot reach holdfastd .*is it running' --op show
adm_fails 234 'either --op or one of its own verbs' --tid 1
adm_fails 234 '^Invalid argument\.$' --op shout
