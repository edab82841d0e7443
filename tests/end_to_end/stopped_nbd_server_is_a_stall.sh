# nbdkit stopped for 3 s in mid-copy: the copy ends well, and the record tells of exactly one stall.
. "$(dirname "$0")/mid_copy.sh"
start_nbdkit file "$WORK/image"
expect_stall_of "$NBDKIT"
expect_exit 0 e2fsck -fn "$WORK/image"
