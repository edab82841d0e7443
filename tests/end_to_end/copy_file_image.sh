# A tree of what copies like to lose is copied onto an image file. Our own verification, e2fsck and
# rsync through the kernel's ext4 agree that nothing was lost. An image that lies inside its own
# source is left out of it.
. "$(dirname "$0")/lib.sh"
need e2fsck debugfs

say "paths longer than PATH_MAX included"
mkdir "$WORK/long" && "$MAKE_NASTY_TREE" "$WORK/long"
truncate -s 256M "$WORK/long.img"
expect_exit 0 "$HOLDFAST" copy "$WORK/long" "file://$WORK/long.img" --verify --stall 20s --hang 60s
expect_exit 0 e2fsck -fn "$WORK/long.img"

say "an image inside its own source is left out, and named"
mkdir "$WORK/self"
echo content > "$WORK/self/file"
truncate -s 64M "$WORK/self/image"
got=0
"$HOLDFAST" copy "$WORK/self" "file://$WORK/self/image" > "$WORK/out" 2>&1 < /dev/null || got=$?
[[ $got -ne 0 && $got -ne 5 ]] || fail "exit code $got for a source that holds its own image"
expect_says "$WORK/self/image"
expect_exit 0 e2fsck -fn "$WORK/self/image"
expect_exit 0 debugfs -R "cat /file" "$WORK/self/image"
expect_says '^content$'
expect_exit 0 debugfs -R "stat /image" "$WORK/self/image"
expect_says 'File not found'

say "through the kernel's ext4"
make_tree "$WORK/short"
truncate -s 256M "$WORK/short.img"
expect_exit 0 "$HOLDFAST" copy "$WORK/short" "file://$WORK/short.img" --verify --stall 20s --hang 60s
expect_exit 0 e2fsck -fn "$WORK/short.img"
mount_image "$WORK/short.img"
expect_same_tree "$WORK/short" "$MOUNT"
