# With --readers, finished files are read while the copy goes on, and what comes back is what was
# written, through the write-back cache onto an image and over iSCSI. A block device has no locks, which
# is said before anything is done.
. "$(dirname "$0")/lib.sh"

mkdir "$WORK/source"
for ((d = 0; d < 20; d++)); do
  mkdir "$WORK/source/$d"
  for ((f = 0; f < 25; f++)); do head -c $((f * 700 + d + 1)) /dev/urandom > "$WORK/source/$d/$f"; done
done
head -c 48M /dev/urandom > "$WORK/source/large"
reads='run["pressure"]["readers"] == 4 and run["pressure"]["reads"] > 0 and run["pressure"]["read_latency_us"]["count"] == run["pressure"]["reads"]'

say "onto an image"
truncate -s 256M "$WORK/image"
expect_exit 0 "$HOLDFAST" copy "$WORK/source" "file://$WORK/image" --readers 4 --verify --json "$WORK/run.json" --stall 20s --hang 60s
expect_says '^  readers +4: [1-9][0-9]* reads?, .*worst'
expect_json "$WORK/run.json" "$reads"
expect_json "$WORK/run.json" 'any(row["readers"]["operations"] > 0 for row in run["timeline"] if "readers" in row)'

say "over iSCSI"
truncate -s 256M "$WORK/lun"
one_lun "$WORK/lun" IOMode=wb
start_holdfastd
expect_exit 0 "$HOLDFAST" copy "$WORK/source" "$URL" --readers 4 --verify --json "$WORK/run.json" --stall 20s --hang 60s
expect_json "$WORK/run.json" "$reads"
stop_holdfastd

say "a block device has no locks"
expect_exit 2 "$HOLDFAST" copy "$WORK/source" "file://$WORK/image" --locks
expect_says 'block device, which has no locks'
