# The whole of Debian's iscsi-test-cu, destructive tests included, by two initiators and two portals, against LUNs that
# are prepared so that little of it is skipped; and the same against tgt. Prints what passed, failed and was skipped of
# each suite, as a table. With holdfastd nothing may fail, and only what conformance.py lists may be skipped.
#
# Most of the time the tests wait: so what does not need the same daemon goes side by side, each on daemons of its own.
. "$(dirname "$0")/lib.sh"
need iscsi-test-cu iscsi-readcapacity16

# test_run TARGET NAME LUN SECONDS [OPTION...]: a run against a LUN. NAME is what counts of it: a suite or one of its
# tests, or `all` and a family for what no other run is about.
test_run() {
  local target="$1" name="$2" lun="$3" seconds="$4"
  shift 4
  # Its own exit code says only whether every optional command is there.
  timeout --kill-after=5 "$seconds" iscsi-test-cu -d -i "$IQN-one" -I "$IQN-two" "$@" "$PATH_ONE/$lun" "$PATH_TWO/$lun" \
    > "$WORK/$target/$name.log" 2>&1 < /dev/null || true
}

# make_images FOLDER: what the LUNs are on.
make_images() {
  mkdir -p "$1"
  truncate -s 1G "$1/disk" "$1/fine"
  truncate -s 4M "$1/small"
  truncate -s 64M "$1/protected"
  truncate -s 40M "$1/slow"
}

# serve NAME [OPTION...]: a holdfastd of that name with all LUNs, which has its files in a folder of its own; sets
# PATH_ONE and PATH_TWO.
served=()
serve() {
  local folder="$WORK/daemon-$1" CONFIG
  shift
  make_images "$folder"
  CONFIG="$folder/holdfastd.conf"
  cat > "$CONFIG" << CONFIG
Target $IQN
    Lun 0 Path=$folder/disk,IOMode=wb,Thin=yes,Removable=yes,PhysicalBlockSize=4096
    Lun 1 Path=$folder/fine,IOMode=wb,Thin=yes,PhysicalBlockSize=512
    Lun 2 Path=$folder/small,IOMode=wb,Thin=yes
    Lun 3 Path=$folder/protected,IOMode=ro,Thin=yes
    Lun 4 Path=$folder/slow,IOMode=wb,Thin=yes
    Lun 5 Type=memory,Size=64M
CONFIG
  WORK="$folder" start_holdfastd -a 127.0.0.2 --state-dir "$folder/state" "$@"
  served+=("$DAEMON")
  PATH_ONE="iscsi://$PORTAL/$IQN" PATH_TWO="iscsi://${PORTAL/127.0.0.1/127.0.0.2}/$IQN"
}
gather_logs() { cat "$WORK"/daemon-*/holdfastd.log > "$WORK/holdfastd.log"; }
at_exit gather_logs

# lane FUNCTION: beside the others, with PATH_ONE and PATH_TWO as they are.
lanes=()
lane() {
  { local began; began="$(now_ms)"; "$1"; say "$1: $(($(now_ms) - began)) ms"; } &
  lanes+=("$!")
}
end_lanes() {
  local pid children
  for pid in "${lanes[@]}"; do
    children="$(cat "/proc/$pid/task/$pid/children" 2> /dev/null)" || continue
    # shellcheck disable=SC2086 # several processes
    kill -KILL "$pid" && kill -TERM $children
  done
}
at_exit end_lanes

family_all() { test_run holdfastd "all of ALL" 0 600 -t ALL; }
family_scsi() { test_run holdfastd "all of SCSI" 0 600 -t SCSI; }
families_iscsi_and_linux() {
  test_run holdfastd "all of iSCSI" 0 600 -t iSCSI
  test_run holdfastd "all of LINUX" 0 600 -t LINUX
}
prepared_luns() {
  # It expects an answer that begins behind the block that it asked for, unless each block is a physical one.
  test_run holdfastd GetLBAStatus.UnmapSingle 1 60 -t ALL.GetLBAStatus.UnmapSingle
  # No blocks means all of the LUN, which may be no more than WRITE SAME writes at most.
  test_run holdfastd WriteSame10.ZeroBlocks 2 60 -t ALL.WriteSame10.ZeroBlocks
  test_run holdfastd WriteSame16.ZeroBlocks 2 60 -t ALL.WriteSame16.ZeroBlocks
  # It is wrong about a thin LUN, see conformance.py, and leaves one alone that is not.
  test_run holdfastd WriteSame10.UnmapUntilEnd 5 60 -t ALL.WriteSame10.UnmapUntilEnd
  # It has room for 16 bytes of a usage map, and takes a longer one for zeros: that of WRITE SAME(32), of thin LUNs.
  test_run holdfastd ReportSupportedOpcodes.OneCommand 5 60 -t ALL.ReportSupportedOpcodes.OneCommand
  test_run holdfastd ReadOnly 3 60 -t ALL.ReadOnly
  test_run holdfastd Sanitize 0 400 --allow-sanitize -t ALL.Sanitize
}
sanitizing_that_takes_its_time() {
  test_run holdfastd Sanitize.Reset 4 400 --allow-sanitize -t ALL.Sanitize.Reset
}
tgt_suite_by_suite() {
  local suite
  # In one run, what some of them leave behind makes it fail others.
  for suite in $(iscsi-test-cu --list 2> /dev/null | sed -n 's/^ALL\.\([^.]*\)$/\1/p'); do
    test_run tgt "$suite" 1 60 --allow-sanitize -t "ALL.$suite"
  done
  test_run tgt GetLBAStatus.UnmapSingle 4 60 -t ALL.GetLBAStatus.UnmapSingle
  test_run tgt WriteSame10.ZeroBlocks 2 60 -t ALL.WriteSame10.ZeroBlocks
  test_run tgt WriteSame16.ZeroBlocks 2 60 -t ALL.WriteSame16.ZeroBlocks
  test_run tgt ReadOnly 3 60 -t ALL.ReadOnly
}

mkdir "$WORK/holdfastd"
serve one
lane family_all
serve two
lane family_scsi
serve three
lane families_iscsi_and_linux
serve four
lane prepared_luns
# In it SANITIZE has to be at work for more than four seconds, however fast this machine is.
serve five --enable-faults
WORK="$WORK/daemon-five" adm fault add 'delay 40ms write' --tid 1 --lun 4
lane sanitizing_that_takes_its_time

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
  lane tgt_suite_by_suite
  others=(tgt="$WORK/tgt")
fi

for pid in "${lanes[@]}"; do wait "$pid" || fail "a lane came to no end"; done
for DAEMON in "${served[@]}"; do
  is_alive "$DAEMON" || fail "a holdfastd did not outlive it"
  stop_holdfastd
done
[[ ${#others[@]} -eq 0 ]] || is_alive "$TGT" || say "tgtd did not outlive it"
python3 "$(dirname "$0")/conformance.py" holdfastd="$WORK/holdfastd" "${others[@]}" || fail "holdfastd is not clean"
