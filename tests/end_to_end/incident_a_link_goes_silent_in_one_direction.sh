# "The copy ran for minutes, then nothing: the server still got our packets, and we heard nothing of it."
# First the answers are lost; then, in another run, what we send.
. "$(dirname "$0")/incident.sh"
lab_up
truncate -s 64M "$WORK/image"
one_lun "$WORK/image"
start_holdfastd
begin_load --rw randrw --block 16k --depth 8 --time 60s --stall 500ms --hang 4s
sleep 3
cut_link to_client
expect_exit_of "$LOAD" 4 30 "the load"
heal
expect_json "$WORK/run.json" 'any(e["kind"] == "hang" for e in run["events"])'
expect_blame network_in network

say "the other direction, and it heals"
begin_load --rw randrw --block 16k --depth 8 --time 8s --stall 500ms --hang 30s
sleep 2
cut_link to_server
sleep 2
heal
expect_exit_of "$LOAD" 1 60 "the load"
expect_blame network_out network
