# Blocks that change behind a target's back between acknowledgement and read are found, each as what
# it is, with its LBA: exit code 5.
. "$(dirname "$0")/lib.sh"
truncate -s 8M "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd

# Forty blocks are written, one every 50 ms. From the beginning to the end one of them is zeroed again
# and again, one gets the content of another, and one has a few bytes changed.
( while sleep 0.01; do
    dd if=/dev/zero of="$WORK/image" bs=4k seek=5 count=1 conv=notrunc status=none
    dd if="$WORK/image" of="$WORK/image" bs=4k skip=3 seek=10 count=1 conv=notrunc status=none
    printf 'XXXX' | dd of="$WORK/image" bs=1 seek=$((15 * 4096 + 777)) conv=notrunc status=none
  done ) &
vandal=$!
own_processes+=("$vandal")
expect_exit 5 "$HOLDFAST" load "$URL" --rw write --rate 20 --time 2s --verify --json "$WORK/run.json"
kill "$vandal"
wait "$vandal" || true
expect_says '^CORRUPT: [0-9]+ difference'
expect_json "$WORK/run.json" 'run["verdict"] == "corrupt" and run["load"]["read_back"]'
found='{e["lba"]: e["evidence"].split(":")[0] for e in run["events"] if e["kind"] == "mismatch"}'
expect_json "$WORK/run.json" "$found == {40: 'foreign', 80: 'misplaced', 121: 'corrupt'}"

# At rest: a load that only reads judges what the last one left.
expect_exit 0 "$HOLDFAST" load "$URL" --rw write --time 1s --verify
dd if="$WORK/image" of="$WORK/image" bs=4k skip=7 seek=9 count=1 conv=notrunc status=none
expect_exit 5 "$HOLDFAST" load "$URL" --rw read --time 1s --verify
expect_says 'LBA 72: misplaced: what is there is generation [0-9]+ of LBA 56 of another run'
stop_holdfastd
