# Malformed logins, keys, PDUs, digests and orders of events, each by hand: the answer is RFC 7143's, the
# log names the peer and the fault, and a neighbour that reads and writes on the same target all the
# while finds every byte right and no stall.
. "$(dirname "$0")/lib.sh"
truncate -s 64M "$WORK/image" "$WORK/neighbours" "$WORK/pinged"
CONFIG="$WORK/holdfastd.conf"
cat > "$CONFIG" <<CONF
Target $IQN
    Lun 0 Path=$WORK/image,Type=fileio,IOMode=wb,Thin=yes
    Lun 1 Path=$WORK/neighbours,Type=fileio,IOMode=wb
    MaxConnections 1
Target $IQN.pinged
    Lun 0 Path=$WORK/pinged,Type=fileio,IOMode=wb
    NOPInterval 2
    NOPTimeout 2
CONF
start_holdfastd
# One short load after another, each of which reads back what it wrote, until all is over.
neighbour() {
  local round
  for ((round = 1; ; ++round)); do
    "$HOLDFAST" load "iscsi://$PORTAL/$IQN/1" --rw randrw --verify --depth 8 --rate 200 --time 5s \
      --stall 3s --hang 20s --json "$WORK/neighbour.$round.json" || return
    [[ ! -e "$WORK/over" ]] || return 0
  done
}
start neighbour neighbour
neighbour="$PID"
IQN="$IQN" PINGED="$IQN.pinged" LIMIT=150 expect_exit 0 \
  python3 "$(dirname "$0")/wrong_things.py" "$PORTAL" "$WORK/holdfastd.log"
cat "$WORK/out"
is_alive "$neighbour" || fail "the neighbour did not last as long as the wrong things: $(cat "$WORK/neighbour.log")"
: > "$WORK/over"
expect_exit_of "$neighbour" 0 120 "the neighbour"
cat "$WORK/neighbour.log"
for run in "$WORK"/neighbour.*.json; do
  expect_json "$run" 'run["verdict"] == "steady"'
  expect_json "$run" 'not [e for e in run["events"] if e["kind"] in ("mismatch", "outage", "reconnect", "hang", "stall")]'
done
expect_exit 0 "$HOLDFAST" discover "iscsi://$PORTAL"
expect_says "$IQN.pinged"
stop_holdfastd
