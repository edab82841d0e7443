# Two hosts register and reserve with sg_persist, which is somebody else's code, and ask for APTPL.
# The daemon is killed and started again: keys, holder, type and generation are what they were, and
# still keep a stranger out. What cannot be kept, or cannot be believed, is refused in words.
. "$(dirname "$0")/lib.sh"
need sg_persist sg_raw
truncate -s 64M "$WORK/image"
one_lun "$WORK/image" IOMode=wt
head -c 512 /dev/zero > "$WORK/zeros"
export ACKNOWLEDGED="$WORK/acknowledged"
use_sg_tools
readonly conflict=24 illegal_request=5 medium_or_hardware=3  # sg3_utils' exit codes
write_one_block=(sg_raw -s 512 -i "$WORK/zeros" @ 2a 00 00 00 00 00 00 00 01 00)

# Everything that PERSISTENT RESERVE IN tells, as sg_persist understands it.
all() {
  local what
  for what in --read-keys --read-reservation --read-full-status --report-capabilities; do
    "${of[@]}" a sg_persist --in --no-inquiry "$what" @
  done
}

crash() {
  kill -KILL "$DAEMON"
  wait "$DAEMON" 2> /dev/null || true
}
serve() { start_holdfastd --state-dir "$WORK/state"; }

serve
expect_exit 0 "${of[@]}" a sg_persist --out --register --param-sark=a1 --param-aptpl @
expect_exit 0 "${of[@]}" b sg_persist --out --register --param-sark=b2 --param-aptpl @
expect_exit 0 "${of[@]}" a sg_persist --out --reserve --param-rk=a1 --prout-type=5 @
all > "$WORK/before"
cat "$WORK/before"
expect_says 'PR generation=0x2, 2 registered reservation keys follow' "$WORK/before"
expect_says 'Key=0xa1' "$WORK/before"
expect_says 'type: Write Exclusive, registrants only' "$WORK/before"
expect_says 'iqn.2026-11.example.holdfast:b,i,0x' "$WORK/before"
expect_says 'Relative port address: 0x1' "$WORK/before"
expect_says 'Persist Through Power Loss Capable\(PTPL_C\): 1' "$WORK/before"
expect_says 'Persist Through Power Loss Active\(PTPL_A\): 1' "$WORK/before"

for _ in 1 2; do
  crash
  serve
  all > "$WORK/after"
  diff "$WORK/before" "$WORK/after" || fail "the restart changed what was reserved"
done
expect_exit "$conflict" "${of[@]}" stranger "${write_one_block[@]}"
expect_exit 0 "${of[@]}" b "${write_one_block[@]}"

say "fencing, and a crash behind it"
expect_exit 0 "${of[@]}" b sg_persist --out --preempt-abort --param-rk=b2 --param-sark=a1 --prout-type=5 @
expect_exit "$conflict" "${of[@]}" a "${write_one_block[@]}"
crash
serve
expect_exit "$conflict" "${of[@]}" a "${write_one_block[@]}"
expect_exit 0 "${of[@]}" b "${write_one_block[@]}"
expect_exit 0 "${of[@]}" b sg_persist --in --read-reservation @
expect_says 'Key=0xb2'

say "what was acknowledged is there after a kill at any moment"
for round in 1 2 3; do
  : > "$WORK/acknowledged"
  start changes bash -c '
    for ((key = 1; ; key++)); do
      bash "$WORK/of" b sg_persist --out --register-ignore --param-aptpl --param-sark="$(printf %x "$key")" @ ||
        exit 0
      echo "$key" >> "$ACKNOWLEDGED"
    done'
  changes="$PID"
  wait_until 30 test -s "$WORK/acknowledged" || fail "no change was acknowledged"
  sleep "0.$((round * 3))"
  crash
  wait_until 30 eval "! is_alive $changes" || fail "the changes go on without a target"
  acknowledged="$(tail -n 1 "$WORK/acknowledged")"
  serve
  expect_exit 0 "${of[@]}" b sg_persist --in --read-keys @
  key=$(($(sed -n 's/^ *\(0x[0-9a-f]*\)$/\1/p' "$WORK/out")))
  [[ $key -eq $acknowledged || $key -eq $((acknowledged + 1)) ]] ||
    fail "key $key is there, $acknowledged was acknowledged"
done

say "a reservation that was moved to a port that is not there is its own after a crash"
expect_exit 0 "${of[@]}" b sg_persist --out --clear --param-rk="$(printf %x "$key")" @
expect_exit 0 "${of[@]}" b sg_persist --out --register --param-sark=b5 --param-alltgpt --param-aptpl @
expect_exit 0 "${of[@]}" b sg_persist --out --reserve --param-rk=b5 --prout-type=3 @
expect_exit 0 "${of[@]}" b sg_persist --out --register-move --param-rk=b5 --param-sark=a4 --unreg \
  --relative-target-port=1 --param-aptpl \
  --transport-id=iqn.2026-11.example.holdfast:a,i,0x800000010000 @
crash
serve
expect_exit "$conflict" "${of[@]}" b "${write_one_block[@]}"
expect_exit 0 "${of[@]}" a "${write_one_block[@]}"
expect_exit 0 "${of[@]}" a sg_persist --in --read-full-status @
expect_says 'Key=0xa4'
expect_says 'Reservation holder'
[[ "$(grep -c 'Key=' "$WORK/out")" -eq 1 ]] || fail "UNREG left the old registration"
expect_exit 0 "${of[@]}" a sg_persist --out --clear --param-rk=a4 @

say "without APTPL nothing comes back"
expect_exit 0 "${of[@]}" b sg_persist --out --register-ignore --param-sark=b3 @
stop_holdfastd
serve
expect_exit 0 "${of[@]}" b sg_persist --in --read-keys @
expect_says 'PR generation=0x0, there are NO registered reservation keys'
stop_holdfastd

say "a file that is damaged is not believed, and no unit served without it"
kept="$(echo "$WORK"/state/*.reservations)"
printf 'x' >> "$kept"
expect_exit 2 "$HOLDFASTD" --check -c "$CONFIG" --state-dir "$WORK/state"
expect_says "holdfastd.conf:2: .*reservations are not to be had from $kept: it is damaged"
expect_exit 2 "$HOLDFASTD" -f -c "$CONFIG" -a 127.0.0.1 -p 0 --state-dir "$WORK/state"
rm "$kept"
serve
say "one daemon has the directory"
expect_exit 3 "$HOLDFASTD" -f -c "$CONFIG" -a 127.0.0.1 -p 0 --state-dir "$WORK/state"
expect_says 'another holdfastd is using the state directory'

say "what cannot be kept is not granted"
mkdir "$kept.new"  # no file can be written there
expect_exit "$medium_or_hardware" "${of[@]}" a sg_persist --out --register --param-sark=a1 --param-aptpl @
expect_exit 0 "${of[@]}" a sg_persist --in --read-keys @
expect_says 'there are NO registered reservation keys'
rmdir "$kept.new"
expect_exit 0 "${of[@]}" a sg_persist --out --register --param-sark=a1 --param-aptpl @
stop_holdfastd
expect_exit 3 "$HOLDFASTD" -f -c "$CONFIG" -a 127.0.0.1 -p 0 --state-dir "$WORK/no/such"
expect_says 'state directory'

say "a daemon keeps it where it was started"
port="$(free_port)"
(cd "$WORK" && expect_exit 0 "$HOLDFASTD" -c "$CONFIG" -a 127.0.0.1 -p "$port" --state-dir relative)
daemon="$(pgrep -f -- "-p $port --state-dir relative\$")" || fail "there is no daemon"
own_processes+=("$daemon")
[[ -d "$WORK/relative" ]] || fail "its state is elsewhere"
kill -TERM "$daemon"
wait_until 20 eval "! is_alive $daemon" || fail "the daemon did not end"

say "without the option APTPL is refused"
start_holdfastd
expect_exit "$illegal_request" "${of[@]}" a sg_persist --out --register --param-sark=a1 --param-aptpl @
expect_exit 0 "${of[@]}" a sg_persist --in --report-capabilities @
expect_says 'Persist Through Power Loss Capable\(PTPL_C\): 0'
stop_holdfastd
