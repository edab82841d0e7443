# IOMode=wt: the daemon is killed while a client writes at queue depth, and every write that it
# acknowledged is in the image. Then it starts again on the same image and serves.
. "$(dirname "$0")/lib.sh"
need iscsi-readcapacity16
one_lun "$WORK/image" IOMode=wt
for round in 1 2 3; do
  # Empty again: a block of which nothing was acknowledged may hold what an earlier round left there.
  rm -f "$WORK/image"
  truncate -s 64M "$WORK/image"
  start_holdfastd
  start recorder "$ACKED_WRITES" record "$URL" "$WORK/writes" 60
  recorder="$PID"
  sleep "$round"
  kill -KILL "$DAEMON"
  expect_exit_of "$recorder" 0 30 "the recorder"
  cat "$WORK/recorder.log"
  wait "$DAEMON" 2> /dev/null || true
  expect_exit 0 "$ACKED_WRITES" check "$WORK/image" "$WORK/writes"
  cat "$WORK/out"
  # A check that cannot fail proves nothing: an acknowledged block that is gone must be found out.
  cp --sparse=always "$WORK/image" "$WORK/damaged"
  acknowledged="$(awk '$2 != 0 { print $1; exit }' "$WORK/writes")"
  head -c 4096 /dev/zero | dd of="$WORK/damaged" bs=4096 seek="$acknowledged" conv=notrunc status=none
  expect_exit 1 "$ACKED_WRITES" check "$WORK/damaged" "$WORK/writes"
done
start_holdfastd
expect_exit 0 iscsi-readcapacity16 "$URL"
stop_holdfastd
