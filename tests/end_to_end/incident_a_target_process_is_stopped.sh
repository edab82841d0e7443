# "The target's host answers ping; the target does not answer anything."
. "$(dirname "$0")/incident.sh"
truncate -s 64M "$WORK/image"
one_lun "$WORK/image"
start_holdfastd
begin_load --rw randrw --block 16k --depth 8 --time 60s --stall 500ms --hang 3s
sleep 2
kill -STOP "$DAEMON"
expect_exit_of "$LOAD" 4 30 "the load"
kill -CONT "$DAEMON"
expect_blame peer_process
