# "Login works, small files are copied, and the first large one hangs for ever": jumbo frames on a path that
# does not carry them, and says nothing.
. "$(dirname "$0")/incident.sh"
lab_up 9000
truncate -s 256M "$WORK/image"
one_lun "$WORK/image"
start_holdfastd
lose_longer_than 1500 both
expect_exit 0 "$HOLDFAST" discover "iscsi://$PORTAL"
expect_exit 0 "$HOLDFAST" load "$URL" --rw randread --block 512 --depth 1 --time 2s --stall 1s --hang 5s
# Not a byte of it need ever arrive.
expect_exit 4 "$HOLDFAST" load "$URL" --rw write --block 64k --depth 8 --time 60s --stall 500ms --hang 4s --json "$WORK/run.json"
expect_blame network_out network
