# A tree of everything that `cp -a` keeps is copied over iSCSI onto our own target, with and without a
# write cache: the tool's own verification, e2fsck, and rsync through the kernel's ext4 agree.
. "$(dirname "$0")/lib.sh"
make_tree "$WORK/tree"

for mode in wb wt direct; do
  truncate -s 512M "$WORK/image.$mode"
  one_lun "$WORK/image.$mode" "IOMode=$mode"
  start_holdfastd
  say "over iSCSI, IOMode=$mode"
  expect_exit 0 "$HOLDFAST" copy "$WORK/tree" "$URL" --verify --json "$WORK/$mode.json" --stall 20s --hang 60s
  stop_holdfastd
  expect_json "$WORK/$mode.json" 'run["schema"] == "holdfast.run/1" and run["verdict"] == "steady"'
  expect_json "$WORK/$mode.json" 'run["totals"]["files"] > 2500 and run["totals"]["bytes"] > 7 << 20'
  expect_faithful_image "$WORK/image.$mode"
  rm "$WORK/image.$mode"
done
