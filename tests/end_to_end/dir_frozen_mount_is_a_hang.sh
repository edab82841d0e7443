# A mounted filesystem that takes no change any more: whoever writes to it waits in the kernel and
# cannot be killed, yet the tool reports the hang and ends in time, and leaves nothing behind once the
# filesystem thaws.
. "$(dirname "$0")/lib.sh"
need_root "to freeze a filesystem"
need fsfreeze mkfs.ext4
make_big_tree "$WORK/tree" 400
for i in {1..2000}; do echo "$i" > "$WORK/tree/small$i"; done
truncate -s 1G "$WORK/disk"
mkfs.ext4 -q "$WORK/disk"
mkdir "$WORK/frozen"
mount -o loop "$WORK/disk" "$WORK/frozen" 2> "$WORK/mount.log" || skip "cannot loop-mount here: $(cat "$WORK/mount.log")"
# The process that met the filesystem ends, and lets go of it, only when that thaws.
at_exit wait_until 20 umount "$WORK/frozen"
start copy "$HOLDFAST" copy "$WORK/tree" "dir://$WORK/frozen" --json "$WORK/run.json" --stall 500ms --hang 3s
copy="$PID"
some_there() { [[ $(find "$WORK/frozen" -name 'small*' -o -name 'file*' | wc -l) -ge 3 ]]; }
wait_until 60 some_there || fail "the copy does not begin"
fsfreeze -f "$WORK/frozen" || skip "cannot freeze a filesystem here"
at_exit fsfreeze -u "$WORK/frozen"
is_alive "$copy" || skip "the copy was over before the filesystem froze"
frozen_ms="$(now_ms)"
expect_exit_of "$copy" 4 60 "the copy"
took_ms=$(($(now_ms) - frozen_ms))
say "the copy ended $took_ms ms after the filesystem froze"
[[ $took_ms -le 9000 ]] || fail "not in time"
expect_says '^HUNG: ' "$WORK/copy.log"
expect_json "$WORK/run.json" 'run["verdict"] == "hung"'
expect_json "$WORK/run.json" 'all(e["file"] for e in run["events"] if e["kind"] == "hang")'
