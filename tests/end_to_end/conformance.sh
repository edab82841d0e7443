# The whole of Debian's iscsi-test-cu, destructive tests included, by two initiators and two portals, against LUNs that
# are prepared so that little of it is skipped; then the same against tgt. Prints what passed, failed and was skipped of
# each suite, as a table. With holdfastd nothing may fail, and only what conformance.py lists may be skipped.
. "$(dirname "$0")/lib.sh"
need iscsi-test-cu iscsi-readcapacity16

# test_run TARGET NAME LUN SECONDS [OPTION...]: a run against a LUN. NAME is what counts of it: a suite or one of its
# tests, or `all` for what no other run is about.
test_run() {
  local target="$1" name="$2" lun="$3" seconds="$4" began
  shift 4
  began="$(now_ms)"
  # Its own exit code says only whether every optional command is there.
  timeout --kill-after=5 "$seconds" iscsi-test-cu -d -i "$IQN-one" -I "$IQN-two" "$@" "$PATH_ONE/$lun" "$PATH_TWO/$lun" \
    > "$WORK/$target/$name.log" 2>&1 < /dev/null || true
  [[ $target == tgt ]] || say "$target, $name: $(($(now_ms) - began)) ms"
}

# make_images FOLDER: what the LUNs are on. Only the largest takes room, while it is being sanitized.
make_images() {
  mkdir -p "$1"
  truncate -s 1G "$1/disk" "$1/fine"
  truncate -s 4M "$1/small"
  truncate -s 64M "$1/protected"
  truncate -s 8G "$1/large"
}

make_images "$WORK/holdfastd"
CONFIG="$WORK/holdfastd.conf"
cat > "$CONFIG" << CONFIG
Target $IQN
    Lun 0 Path=$WORK/holdfastd/disk,IOMode=wb,Thin=yes,Removable=yes,PhysicalBlockSize=4096
    Lun 1 Path=$WORK/holdfastd/fine,IOMode=wb,Thin=yes,PhysicalBlockSize=512
    Lun 2 Path=$WORK/holdfastd/small,IOMode=wb,Thin=yes
    Lun 3 Path=$WORK/holdfastd/protected,IOMode=ro,Thin=yes
    Lun 4 Path=$WORK/holdfastd/large,IOMode=wb,Thin=yes
    Lun 5 Type=memory,Size=64M
CONFIG
start_holdfastd -a 127.0.0.2 --state-dir "$WORK/state"
PATH_ONE="iscsi://$PORTAL/$IQN" PATH_TWO="iscsi://${PORTAL/127.0.0.1/127.0.0.2}/$IQN"
test_run holdfastd all 0 600
test_run holdfastd Sanitize 0 400 --allow-sanitize -t ALL.Sanitize
# In it SANITIZE has to be at work for more than four seconds, so there has to be much to overwrite.
test_run holdfastd Sanitize.Reset 4 400 --allow-sanitize -t ALL.Sanitize.Reset
# It expects an answer that begins behind the block that it asked for, unless each block is a physical one.
test_run holdfastd GetLBAStatus.UnmapSingle 1 60 -t ALL.GetLBAStatus.UnmapSingle
# No blocks means all of the LUN, which may be no more than WRITE SAME writes at most.
test_run holdfastd WriteSame10.ZeroBlocks 2 60 -t ALL.WriteSame10.ZeroBlocks
test_run holdfastd WriteSame16.ZeroBlocks 2 60 -t ALL.WriteSame16.ZeroBlocks
# It is wrong about a thin LUN, see conformance.py, and leaves one alone that is not.
test_run holdfastd WriteSame10.UnmapUntilEnd 5 60 -t ALL.WriteSame10.UnmapUntilEnd
test_run holdfastd ReadOnly 3 60 -t ALL.ReadOnly
is_alive "$DAEMON" || fail "holdfastd did not outlive it"
expect_exit 0 iscsi-readcapacity16 "$URL"
stop_holdfastd
rm "$WORK/holdfastd/large"

others=()
if command -v tgtd > /dev/null; then
  make_images "$WORK/tgt"
  TGT_PORTALS="127.0.0.1 127.0.0.2" start_tgtd "$WORK/tgt/disk"
  TGT=$PID
  tgt_lun 1 thin_provisioning=1,removable=1
  tgt_lun 2 thin_provisioning=1 "$WORK/tgt/small"
  tgt_lun 3 thin_provisioning=1,readonly=1 "$WORK/tgt/protected"
  tgt_lun 4 thin_provisioning=1,lbppbe=0 "$WORK/tgt/fine"
  PATH_ONE="${URL%/*}" PATH_TWO="${URL/127.0.0.1/127.0.0.2}" PATH_TWO="${PATH_TWO%/*}"
  # Each suite by itself: in one run, what some of them leave behind makes it fail others.
  for suite in $(iscsi-test-cu --list 2> /dev/null | sed -n 's/^ALL\.\([^.]*\)$/\1/p'); do
    test_run tgt "$suite" 1 60 --allow-sanitize -t "ALL.$suite"
  done
  test_run tgt GetLBAStatus.UnmapSingle 4 60 -t ALL.GetLBAStatus.UnmapSingle
  test_run tgt WriteSame10.ZeroBlocks 2 60 -t ALL.WriteSame10.ZeroBlocks
  test_run tgt WriteSame16.ZeroBlocks 2 60 -t ALL.WriteSame16.ZeroBlocks
  test_run tgt ReadOnly 3 60 -t ALL.ReadOnly
  is_alive "$TGT" || say "tgtd did not outlive it"
  others=(tgt="$WORK/tgt")
fi
python3 "$(dirname "$0")/conformance.py" holdfastd="$WORK/holdfastd" "${others[@]}" || fail "holdfastd is not clean"
