# holdfastadm makes a served LUN wait, hang, fail, tear and lose, and good again: only where the daemon was
# started for that, which it says.
. "$(dirname "$0")/lib.sh"
truncate -s 64M "$WORK/image"
one_lun "$WORK/image"
load_ends() {
  local code="$1"
  shift
  expect_exit "$code" "$HOLDFAST" load "$URL" --json "$WORK/run.json" --hang 1500ms --stall 500ms "$@"
}

say "not without --enable-faults"
start_holdfastd
adm_fails 255 'without --enable-faults' fault list
stop_holdfastd

start_holdfastd --enable-faults
grep -q 'LOSE DATA' "$WORK/holdfastd.log" || fail "the daemon does not say that faults are enabled"
[[ -z "$(adm fault list)" ]] || fail "there are rules that nobody gave"
load_ends 0 --rw randrw --time 1s --verify

say "wrong rules"
adm_fails 234 "word 1: 'freeze' is not one of hang, stick, delay" fault add 'freeze write'
adm_fails 234 'there are list, add RULE and clear' fault forget
adm_fails 254 'no such Lun' fault add hang --tid 7
adm_fails 254 'no rule 9' fault clear 9

say "a write that hangs, while what needs no store is answered"
[[ "$(adm fault add 'hang write')" == "tid:1 lun:0 rule:1" ]] || fail "fault add says something else"
start load "$HOLDFAST" load "$URL" --hang 1500ms --stall 500ms --rw randwrite --time 20s
load="$PID"
wait_until 20 eval "adm fault list | grep -qE '^tid:1 lun:0 rule:1 struck:[1-9][0-9]* hanging:[1-9][0-9]*  hang write$'" || fail "fault list: $(adm fault list)"
expect_exit_of "$load" 4 20 "the load"
wait_until 10 eval "adm fault list | grep -q ' hanging:0 '" || fail "the end of its session does not free what hangs: $(adm fault list)"
expect_exit 0 "$HOLDFAST" discover "iscsi://$PORTAL"
adm fault clear 1
wait_until 10 eval "[[ -z \"\$(adm fault list)\" ]]"
load_ends 0 --rw randwrite --time 1s

say "a delay is a stall, and so is what hangs until its rule is cleared"
adm fault add 'delay 800ms read nth 50 times 1'
load_ends 1 --rw randread --depth 1 --time 3s
adm fault clear
adm fault add 'hang read nth 200 times 1 for 1h'
start load "$HOLDFAST" load "$URL" --rw randread --depth 1 --time 3s --stall 500ms --hang 20s
load="$PID"
wait_until 20 eval "adm fault list | grep -q 'struck:1 hanging:1 '" || fail "fault list: $(adm fault list)"
sleep 0.8
adm fault clear
expect_exit_of "$load" 1 20 "the load"

say "lost and torn writes are found by who verifies"
adm fault add 'lose write share 20% seed 3' --tid 1 --lun 0
load_ends 5 --rw randwrite --time 1s --verify
adm fault clear
adm fault add 'tear write nth 20 times 100'
load_ends 5 --rw randwrite --time 1s --verify
adm fault clear

say "errors reach the initiator"
adm fault add 'fail EIO read lba 100..199'
load_ends 1 --rw read --size 1m --time 1s
expect_json "$WORK/run.json" 'run["verdict"] != "steady" or run["workload"]["outcome"] != "done"'
adm fault clear

say "what hangs or sticks keeps neither a Lun from being removed nor the daemon from ending"
adm fault add 'stick read'
load_ends 4 --rw randread --time 20s
adm fault list | grep -qE ' hanging:[1-9][0-9]*  stick read$' || fail "the end of its session frees what sticks: $(adm fault list)"
adm --op delete --tid 1 --lun 0
adm --op new --tid 1 --lun 0 --params "Path=$WORK/image"
adm fault add 'stick read'
load_ends 4 --rw randread --time 20s
stop_holdfastd
