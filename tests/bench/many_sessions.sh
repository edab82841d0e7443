# A thousand logins one after another (goal: a thousand a second). A thousand idle sessions: under 256 MiB
# resident, which is a limit, and under 1 % of a core, which is a goal, left alone and pinged every ten
# seconds too.
#
#   MANY_SESSIONS_SECONDS=N   for how long the idle ones are watched (20)
. "$(dirname "$0")/bench.sh"
seconds="${MANY_SESSIONS_SECONDS:-$(usually 20 5)}"
[[ $(ulimit -n) -ge 1200 ]] || ulimit -n 1200 || skip "no thousand file descriptors here"
kib() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/$DAEMON/status"; }
cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$DAEMON/stat"; }
truncate -s 64M "$WORK/image"
too_much=()

one_lun "$WORK/image" IOMode=wb
start_holdfastd
expect_exit 0 "$LOGINS" run "${PORTAL##*:}" "$IQN" 200
for _ in 1 2 3; do
  expect_exit 0 "$LOGINS" run "${PORTAL##*:}" "$IQN" 1000
  cat "$WORK/out"
  sed -n 's/.*: \([0-9]*\) a second.*/\1/p' "$WORK/out" >> "$WORK/rates"
done
rate="$(sort -n "$WORK/rates" | sed -n 2p)"
say "logins: the median of three runs $rate a second (goal 1000, $([[ $rate -ge 1000 ]] && echo met || echo MISSED))"
stop_holdfastd

for interval in 0 10; do
  one_lun "$WORK/image" IOMode=wb NOPInterval "$interval"
  start_holdfastd
  start "crowd$interval" "$LOGINS" hold "${PORTAL##*:}" "$IQN" 1000
  crowd="$PID"
  wait_until 60 grep -qs '^held 1000' "$WORK/crowd$interval.log" || fail "the crowd does not get in"
  sleep 1
  before="$(cpu_ticks)"
  sleep "$seconds"
  used=$(($(cpu_ticks) - before))
  goal=$(($(getconf CLK_TCK) * seconds / 100))
  is_alive "$crowd" || fail "the crowd did not stay"
  say "1,000 idle sessions, NOPInterval $interval: $(kib VmRSS) KiB resident (limit 262144)," \
    "$used ticks of $(getconf CLK_TCK) a second in $seconds s (goal $goal, $([[ $used -le $goal ]] && echo met || echo MISSED))"
  [[ $(kib VmRSS) -lt 262144 ]] || too_much+=("1,000 idle sessions hold $(kib VmRSS) KiB")
  kill "$crowd"
  stop_holdfastd
done
[[ ${#too_much[@]} -eq 0 ]] || fail "$(printf '%s; ' "${too_much[@]}")"
