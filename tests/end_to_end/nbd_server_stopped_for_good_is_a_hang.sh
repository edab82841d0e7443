# nbd-server stopped for good in mid-copy, every connection of it: the tool ends within --hang plus 2 s.
. "$(dirname "$0")/mid_copy.sh"
start_nbd_server "$WORK/image"
# A connection's process is there only once the copy has connected.
stop_nbd_server() { kill -STOP "$NBD_SERVER" $(nbd_server_connections); }
expect_hang_after stop_nbd_server
