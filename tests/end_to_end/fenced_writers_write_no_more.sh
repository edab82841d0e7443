# A host is fenced off in mid-write: when PREEMPT AND ABORT is answered, none of its writes can reach
# the image any more, whatever it still sends. The one that fences goes on.
. "$(dirname "$0")/lib.sh"
need sg_persist sg_raw
truncate -s 64M "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
use_sg_tools
head -c 512 /dev/zero > "$WORK/zeros"
readonly writer=iqn.2026-11.example.holdfast:acked-writes conflict=24

for round in 1 2 3; do
  # The writer's sessions have ISIDs that nobody knows, so it is registered by its name.
  expect_exit 0 "${of[@]}" guard sg_persist --out --register --param-sark=abc --transport-id="$writer" @
  expect_exit 0 "${of[@]}" guard sg_persist --out --register-ignore --param-sark=9 @
  expect_exit 0 "${of[@]}" guard sg_persist --in --read-full-status @
  expect_says "iSCSI name: +$writer\$|iSCSI .*: $writer\$"
  expect_exit 0 "${of[@]}" guard sg_persist --out --reserve --param-rk=9 --prout-type=5 @

  start recorder "$ACKED_WRITES" record "$URL" "$WORK/writes" 120
  recorder="$PID"
  before="$(md5sum < "$WORK/image")"
  is_written() { [[ "$(md5sum < "$WORK/image")" != "$before" ]]; }
  wait_until 20 is_written || fail "a registrant does not get to write"

  expect_exit 0 "${of[@]}" guard sg_persist --out --preempt-abort --param-rk=9 --param-sark=abc --prout-type=5 @
  fenced="$(md5sum < "$WORK/image")"
  sleep 0.5
  [[ "$(md5sum < "$WORK/image")" == "$fenced" ]] || fail "round $round: it writes although it is fenced off"
  expect_exit "$conflict" "${of[@]}" acked-writes sg_raw -s 512 -i "$WORK/zeros" @ 2a 00 00 00 00 00 00 00 01 00
  expect_exit 0 "${of[@]}" guard sg_raw -s 512 -i "$WORK/zeros" @ 2a 00 00 00 00 00 00 00 01 00
  kill -KILL "$recorder" 2> /dev/null || true  # It ends by itself when it is told of the conflict.
  wait "$recorder" 2> /dev/null || true
  expect_exit 0 "${of[@]}" guard sg_persist --out --clear --param-rk=9 @
done
stop_holdfastd
