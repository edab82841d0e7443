# Malformed logins, keys, PDUs, digests and orders of events, each by hand: the answer is RFC 7143's, the
# log names the peer and the fault, and a neighbour that reads and writes on the same target all the
# while finds every byte right and no stall.
. "$(dirname "$0")/lib.sh"
truncate -s 64M "$WORK/image" "$WORK/neighbours" "$WORK/pinged"
CONFIG="$WORK/holdfastd.conf"
cat > "$CONFIG" <<CONF
Target $IQN
    Lun 0 Path=$WORK/image,Type=fileio,IOMode=wb
    Lun 1 Path=$WORK/neighbours,Type=fileio,IOMode=wb
    MaxConnections 1
Target $IQN.pinged
    Lun 0 Path=$WORK/pinged,Type=fileio,IOMode=wb
    NOPInterval 2
    NOPTimeout 2
CONF
start_holdfastd
start neighbour "$HOLDFAST" load "iscsi://$PORTAL/$IQN/1" --rw randrw --verify --depth 8 --rate 200 --time 45s \
  --stall 3s --hang 20s --json "$WORK/neighbour.json"
neighbour="$PID"
IQN="$IQN" PINGED="$IQN.pinged" LIMIT=150 expect_exit 0 \
  python3 "$(dirname "$0")/wrong_things.py" "$PORTAL" "$WORK/holdfastd.log"
cat "$WORK/out"
is_alive "$neighbour" || fail "the neighbour did not last as long as the wrong things: $(cat "$WORK/neighbour.log")"
expect_exit_of "$neighbour" 0 120 "the neighbour"
cat "$WORK/neighbour.log"
expect_json "$WORK/neighbour.json" 'run["verdict"] == "steady"'
expect_json "$WORK/neighbour.json" 'not [e for e in run["events"] if e["kind"] in ("mismatch", "outage", "reconnect", "hang", "stall")]'
expect_exit 0 "$HOLDFAST" discover "iscsi://$PORTAL"
expect_says "$IQN.pinged"
stop_holdfastd
