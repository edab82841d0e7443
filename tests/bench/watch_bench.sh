# What the watch and its evidence cost: processor time of the generator for each operation, watched and bare in
# turns, at the highest rate that it can drive. It is reported and never fails: a busy machine must not
# decide whether a change is right.
#
#   WATCH_BENCH_ROUNDS=N    turns of A B B A (3)
#   WATCH_BENCH_SECONDS=N   of each measurement (3)
. "$(dirname "$0")/bench.sh"
need nbdkit
rounds="${WATCH_BENCH_ROUNDS:-$(usually 3 1)}"
seconds="${WATCH_BENCH_SECONDS:-$(usually 3 1)}"
truncate -s 64M "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
say "iSCSI: $("$WATCH_OVERHEAD" "iscsi://$PORTAL/$IQN/0" "$seconds" "$rounds")"
stop_holdfastd

port="$(free_port)"
start nbdkit nbdkit -f -i 127.0.0.1 -p "$port" memory 64M
wait_until 10 eval "(exec 3<> /dev/tcp/127.0.0.1/$port) 2> /dev/null" || fail "nbdkit does not start"
say "NBD: $("$WATCH_OVERHEAD" "nbd://127.0.0.1:$port/?connections=1" "$seconds" "$rounds")"
