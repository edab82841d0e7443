# "open-iscsi says error 1021: NOPs are answered, TCP is fine, and the disk never comes back."
. "$(dirname "$0")/incident.sh"
truncate -s 64M "$WORK/image"
one_lun "$WORK/image"
start_holdfastd --enable-faults
begin_load --rw randrw --block 16k --depth 8 --time 60s --stall 500ms --hang 3s
sleep 2
adm fault add stick > "$WORK/rule"
expect_exit_of "$LOAD" 4 30 "the load"
adm fault list | grep -qE 'hanging:[1-9]' || fail "nothing hangs: $(adm fault list)"
adm fault clear
expect_blame backend

say "it comes back before anybody gives up"
begin_load --rw randrw --block 16k --depth 8 --time 6s --stall 500ms --hang 20s
sleep 1.5
adm fault add 'hang for 2s' > "$WORK/rule"
expect_exit_of "$LOAD" 1 30 "the load"
expect_json "$WORK/run.json" 'any(e["kind"] == "stall" and 1.5 < e["lasted_s"] < 10 for e in run["events"])'
expect_blame backend
stop_holdfastd
