# A daemon stopped for 3 s in mid-copy: the copy ends well, and the record tells of exactly one stall
# of about 3 s.
. "$(dirname "$0")/mid_copy.sh"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
expect_stall_of "$DAEMON"
stop_holdfastd
