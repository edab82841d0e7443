# SIGTERM: what was acknowledged is kept, commands in flight are answered, exit code 0, in time, with
# no session, with an idle one and with a busy one.
. "$(dirname "$0")/lib.sh"
truncate -s 64M "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
stop_holdfastd

start_holdfastd
exec {idle}<> "/dev/tcp/127.0.0.1/${PORTAL##*:}"  # connected, and silent
stop_holdfastd
exec {idle}<&-

start_holdfastd
start load "$HOLDFAST" load "$URL" --rw randwrite --depth 4 --time 60s
load="$PID"
wait_for_data "$WORK/image" 1
stop_holdfastd
expect_exit_of "$load" 4 8 "the load, which was told that the target is about to end"
expect_says '^HUNG: the connection to the storage broke' "$WORK/load.log"

rm "$WORK/image"
truncate -s 64M "$WORK/image"
start_holdfastd
start recorder "$ACKED_WRITES" record "$URL" "$WORK/writes" 60
recorder="$PID"
sleep 1
stop_holdfastd
expect_exit_of "$recorder" 0 30 "the recorder"
expect_exit 0 "$ACKED_WRITES" check "$WORK/image" "$WORK/writes"
