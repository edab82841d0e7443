# A daemon that dies in mid-copy: the tool ends at once with exit code 4, and the record tells of the
# broken connection and of what was in flight.
. "$(dirname "$0")/mid_copy.sh"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
begin_copy --verify
kill -KILL "$DAEMON"
expect_outage
