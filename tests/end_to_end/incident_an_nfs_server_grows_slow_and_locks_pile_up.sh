# "The NFS server gets slower and slower, everybody waits for locks, and nobody is down."
# The disk below the export stops again and again, each time for longer; the server's process answers.
. "$(dirname "$0")/incident.sh"
need_root "to freeze a filesystem"
need fsfreeze mkfs.ext4
make_big_tree "$WORK/tree" 300
for i in {1..2000}; do echo "$i" > "$WORK/tree/small$i"; done
truncate -s 1G "$WORK/disk"
mkfs.ext4 -q "$WORK/disk"
mkdir -p "$WORK/export"
mount -o loop "$WORK/disk" "$WORK/export" 2> "$WORK/mount.log" || skip "cannot loop-mount here: $(cat "$WORK/mount.log")"
at_exit wait_until 20 umount -q "$WORK/export"
rmdir "$WORK/export/lost+found"
start_ganesha 4
at_exit kill -KILL "$SERVER"
start copy "$HOLDFAST" copy "$WORK/tree" "$URL" --locks --json "$WORK/run.json" --stall 500ms --hang 30s
copy="$PID"
wait_for_files "$EXPORT" 20
at_exit fsfreeze -u "$EXPORT"
for seconds in 0.3 0.8 2.5; do
  fsfreeze -f "$EXPORT" || skip "cannot freeze a filesystem here"
  sleep "$seconds"
  fsfreeze -u "$EXPORT"
  is_alive "$copy" || break
  sleep 0.3
done
expect_exit_of "$copy" 1 120 "the copy"
expect_json "$WORK/run.json" 'any(e["kind"] == "stall" and e["lasted_s"] > 1.5 for e in run["events"])'
expect_json "$WORK/run.json" 'run["verdict"] == "stalled"'
expect_blame backend
