# The same copy onto somebody else's target: our initiator is judged by code that is not ours.
. "$(dirname "$0")/lib.sh"
need tgtd tgtadm
make_tree "$WORK/tree"
truncate -s 512M "$WORK/image"
start_tgtd "$WORK/image"
expect_exit 0 "$HOLDFAST" copy "$WORK/tree" "$URL" --verify --json "$WORK/run.json" --stall 20s --hang 60s
expect_json "$WORK/run.json" 'run["verdict"] == "steady" and run["totals"]["files"] > 2500'
expect_faithful_image "$WORK/image"
