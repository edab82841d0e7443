# An NBD server that dies in mid-copy, all of it or only the process of one of our connections: the
# tool ends at once with exit code 4, and nothing of ours is left running.
. "$(dirname "$0")/mid_copy.sh"
start_nbd_server "$WORK/image"
URL+="?connections=4"

say "one connection's process"
begin_copy --verify
mapfile -t connections < <(nbd_server_connections)
[[ ${#connections[@]} -gt 1 ]] || fail "nbd-server has ${#connections[@]} connections, not several"
kill -KILL "${connections[0]}"
expect_outage
wait_until 10 eval '[[ -z "$(nbd_server_connections)" ]]' || fail "connections of ours are left"

say "the server and every connection"
truncate -s 0 "$WORK/image"
truncate -s 1G "$WORK/image"
begin_copy --verify
kill_nbd_server
expect_outage

say "nbdkit"
truncate -s 0 "$WORK/image"
truncate -s 1G "$WORK/image"
start_nbdkit file "$WORK/image"
begin_copy --verify
kill -KILL "$NBDKIT"
expect_outage
