# A daemon that stops for good in mid-copy: the tool ends within --hang plus 2 s with exit code 4 and
# a record that names every operation in flight.
. "$(dirname "$0")/mid_copy.sh"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
expect_hang_after kill -STOP "$DAEMON"
