# "It still holds the connection, acknowledges every probe, and takes not one byte more."
. "$(dirname "$0")/incident.sh"
truncate -s 256M "$WORK/image"
one_lun "$WORK/image"
start_holdfastd
start_fault "$PORTAL"
begin_load --rw write --block 256k --depth 32 --time 60s --stall 500ms --hang 4s
sleep 2
step 'now stop out'
expect_exit_of "$LOAD" 4 30 "the load"
step 'now resume'
stop_fault
expect_blame window_closed peer_process
