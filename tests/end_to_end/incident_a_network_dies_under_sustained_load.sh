# "Ping is fine, ssh is fine, every test passes; the backup takes the whole network down."
# The link takes so many bytes and then nothing, milliseconds before any protocol notices.
. "$(dirname "$0")/incident.sh"
lab_up
truncate -s 256M "$WORK/image"
one_lun "$WORK/image"
start_holdfastd
lab_rule to_server quota over 80 mbytes drop
lab_rule to_client quota over 80 mbytes drop
say "light work passes"
expect_exit 0 "$HOLDFAST" discover "iscsi://$PORTAL"
expect_exit 0 "$HOLDFAST" load "$URL" --rw randread --depth 2 --rate 100 --time 2s --stall 1s --hang 5s
say "a sustained load does not"
begin_load --rw write --block 256k --depth 8 --time 120s --stall 500ms --hang 3s
expect_exit_of "$LOAD" 4 100 "the load"
in_server nft list ruleset | grep -qE 'used [0-9]{2,} mbytes' || skip "this machine is too busy to make a load"
# Nothing comes from there any more, and from here alone it is not known which direction died first.
expect_blame network network_out
