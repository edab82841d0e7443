# An image on a disk that answers no write any more: threads that wait for it in the kernel keep a
# process from ending, yet the tool reports the hang and ends in time, and leaves nothing behind once
# the disk answers again.
. "$(dirname "$0")/lib.sh"
need_root "to freeze a filesystem"
need fsfreeze mkfs.ext4
make_big_tree "$WORK/tree" 400
truncate -s 1G "$WORK/disk"
mkfs.ext4 -q "$WORK/disk"
mkdir "$WORK/frozen"
mount -o loop "$WORK/disk" "$WORK/frozen" 2> "$WORK/mount.log" || skip "cannot loop-mount here: $(cat "$WORK/mount.log")"
# The process that met the disk ends, and lets go of it, only when the disk answers.
at_exit wait_until 20 umount "$WORK/frozen"
truncate -s 700M "$WORK/frozen/image"
start copy "$HOLDFAST" copy "$WORK/tree" "file://$WORK/frozen/image" --json "$WORK/run.json" --stall 500ms --hang 3s
copy="$PID"
wait_for_data "$WORK/frozen/image" 20
fsfreeze -f "$WORK/frozen" || skip "cannot freeze a filesystem here"
at_exit fsfreeze -u "$WORK/frozen"
is_alive "$copy" || skip "the copy was over before the disk froze"
frozen_ms="$(now_ms)"
expect_exit_of "$copy" 4 60 "the copy"
took_ms=$(($(now_ms) - frozen_ms))
say "the copy ended $took_ms ms after the disk froze"
[[ $took_ms -le 5500 ]] || fail "not within --hang plus 2 s"
expect_says '^HUNG: ' "$WORK/copy.log"
expect_json "$WORK/run.json" 'run["verdict"] == "hung"'
expect_json "$WORK/run.json" 'all(len(e["in_flight"]) > 1 for e in run["events"] if e["kind"] == "hang")'
