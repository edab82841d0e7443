# The same copy onto istgt, a target of another family; discovery there, and blocks under header digests.
. "$(dirname "$0")/lib.sh"
need istgt
make_tree "$WORK/tree"
truncate -s 512M "$WORK/image"
start_istgt "$WORK/image"
expect_exit 0 "$HOLDFAST" discover "${URL%/iqn*}"
cat "$WORK/out"
expect_says "^$IQN\$"
expect_says 'LUN 0 .* 512.0 MiB'
LIMIT=60 expect_exit 0 "$HOLDFAST" load "$URL?header_digest=crc32c" --rw randrw --verify --time 3s --stall 20s --hang 40s
tail -n 1 "$WORK/out"
expect_says 'HeaderDigest=on' "$WORK/istgt.log"
expect_exit 0 "$HOLDFAST" copy "$WORK/tree" "$URL" --verify --json "$WORK/run.json" --stall 20s --hang 60s
expect_json "$WORK/run.json" 'run["verdict"] == "steady" and run["totals"]["files"] > 2500'
expect_faithful_image "$WORK/image"
