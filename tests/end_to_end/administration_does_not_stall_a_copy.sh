# A copy onto one target, by its own watch, while other targets come and go: by SIGHUP again and again, by
# `holdfastadm --op new` and `--op delete`. No stall, no outage, and what was copied is right.
. "$(dirname "$0")/lib.sh"
make_big_tree "$WORK/tree" 60
truncate -s 1G "$WORK/image"
truncate -s 64M "$WORK/"{other,third}
other="$IQN.other" third="$IQN.third"
one_lun "$WORK/image" IOMode=wb
cp "$CONFIG" "$WORK/alone.conf"
cp "$CONFIG" "$WORK/both.conf"
printf 'Target %s\n    Lun 0 Path=%s\n    Alias "another one"\n' "$other" "$WORK/other" >> "$WORK/both.conf"
start_holdfastd

# meddle: one round of what an administrator may do to targets that are not this copy's.
meddle() {
  cp "$WORK/both.conf" "$CONFIG"
  kill -HUP "$DAEMON"
  wait_until 30 eval "adm volume | grep -q 'name:$other\$'" || fail "SIGHUP brings no target"
  adm --op new --tid 77 --params "Name=$third"
  adm --op new --tid 77 --lun 0 --params "Path=$WORK/third,Type=fileio"
  expect_exit 0 "$HOLDFAST" load "iscsi://$PORTAL/$third/0" --time 1s
  adm --op delete --tid 77
  ! adm volume | grep -q "name:$third\$" || fail "--op delete left its target"
  cp "$WORK/alone.conf" "$CONFIG"
  kill -HUP "$DAEMON"
  wait_until 30 eval "! adm volume | grep -q 'name:$other\$'" || fail "SIGHUP leaves the target that went"
}

start load "$HOLDFAST" load "$URL" --rw randrw --verify --rate 200 --time 12s --json "$WORK/load.json"
load="$PID"
wait_until 20 eval "adm session | grep -q sid:" || fail "no session appears"
rounds=0
while is_alive "$load"; do meddle; rounds=$((rounds + 1)); done
expect_exit_of "$load" 0 30 "the load"
tail -n 1 "$WORK/load.log"
say "$rounds rounds during the load"
[[ $rounds -ge 2 ]] || fail "too few rounds to say anything"

rounds=0
for run in 1 2 3; do
  start copy "$HOLDFAST" copy "$WORK/tree" "$URL" --verify --json "$WORK/copy$run.json"
  copy="$PID"
  while is_alive "$copy"; do meddle; rounds=$((rounds + 1)); done
  expect_exit_of "$copy" 0 60 "the copy"
  tail -n 1 "$WORK/copy.log"
done
say "$rounds rounds during the copies"
for run in load copy1 copy2 copy3; do
  expect_json "$WORK/$run.json" 'run["verdict"] == "steady" and not [e for e in run["events"] if e["kind"] in ("stall", "hang", "outage", "mismatch")]'
done
stop_holdfastd
expect_exit 0 e2fsck -fn "$WORK/image"
