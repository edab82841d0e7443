# "cp -a onto the NBD disk hangs, cp cannot be killed, and the server's process is there all the time."
# The server's process for this connection stops in mid-copy; its parent goes on greeting newcomers.
. "$(dirname "$0")/incident.sh"
make_big_tree "$WORK/tree" 400
truncate -s 1G "$WORK/image"
start_nbd_server "$WORK/image"
start copy "$HOLDFAST" copy "$WORK/tree" "$URL" --json "$WORK/run.json" --stall 500ms --hang 3s
copy="$PID"
wait_for_data "$WORK/image" 40
child="$(nbd_server_connections | tail -n 1)"
own_processes+=("$child")
kill -STOP "$child"
expect_exit_of "$copy" 4 60 "the copy"
expect_says '^HUNG: ' "$WORK/copy.log"
expect_json "$WORK/run.json" 'any(e["kind"] == "hang" and e["file"] and len(e["in_flight"]) > 1 for e in run["events"])'
# From here, a process that is stuck in its disk, one that is stopped and one that does not read look alike while
# another one greets; which it is called depends on whether what is on its way fills the receive window.
expect_blame backend peer_process window_closed
