# A thousand logins one after another: a thousand a second. A thousand idle sessions: under 256 MiB
# resident and under 1 % of a core, left alone, and pinged every ten seconds too.
. "$(dirname "$0")/../end_to_end/lib.sh"
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
say "logins: the median of three runs $rate a second (goal 1000)"
[[ $rate -ge 1000 ]] || too_much+=("only $rate logins a second")
stop_holdfastd

for interval in 0 10; do
  one_lun "$WORK/image" IOMode=wb NOPInterval "$interval"
  start_holdfastd
  start "crowd$interval" "$LOGINS" hold "${PORTAL##*:}" "$IQN" 1000
  crowd="$PID"
  wait_until 60 grep -qs '^held 1000' "$WORK/crowd$interval.log" || fail "the crowd does not get in"
  sleep 1
  before="$(cpu_ticks)"
  sleep 20
  used=$(($(cpu_ticks) - before))
  limit=$(($(getconf CLK_TCK) * 20 / 100))
  is_alive "$crowd" || fail "the crowd did not stay"
  say "1,000 idle sessions, NOPInterval $interval: $(kib VmRSS) KiB resident (limit 262144)," \
    "$used ticks of $(getconf CLK_TCK) a second in 20 s (limit $limit)"
  [[ $(kib VmRSS) -lt 262144 ]] || too_much+=("1,000 idle sessions hold $(kib VmRSS) KiB")
  [[ $used -le $limit ]] || too_much+=("with NOPInterval $interval they took $used ticks in 20 s")
  kill "$crowd"
  stop_holdfastd
done
[[ ${#too_much[@]} -eq 0 ]] || fail "$(printf '%s; ' "${too_much[@]}")"
