# A tree of everything that `cp -a` keeps is copied into a mounted ext4, whose own lost+found does not
# count: the tool's own verification and rsync agree that nothing differs, and nothing of ours stays
# in the mount.
. "$(dirname "$0")/lib.sh"
need_root "to mount"
need mkfs.ext4
make_tree "$WORK/tree"
truncate -s 1G "$WORK/disk"
mkfs.ext4 -q "$WORK/disk"
mkdir "$WORK/mount"
mount -o loop "$WORK/disk" "$WORK/mount" 2> "$WORK/mount.log" || skip "cannot loop-mount here: $(cat "$WORK/mount.log")"
at_exit umount -q "$WORK/mount"
expect_exit 0 "$HOLDFAST" copy "$WORK/tree" "dir://$WORK/mount" --verify --json "$WORK/run.json" --stall 20s --hang 60s
expect_json "$WORK/run.json" 'run["verdict"] == "steady" and run["destination"]["transport"] == "dir"'
expect_json "$WORK/run.json" 'run["destination"]["negotiated"]["filesystem"] == "ext4"'
expect_json "$WORK/run.json" 'run["totals"]["files"] > 2500 and run["totals"]["bytes"] > 7 << 20'
expect_same_tree "$WORK/tree" "$WORK/mount"
umount "$WORK/mount"
expect_exit 0 e2fsck -fn "$WORK/disk"
