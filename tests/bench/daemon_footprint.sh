# What the daemon costs: idle under 16 MiB resident and without a single wake-up, with one busy session
# under 64 MiB.
. "$(dirname "$0")/bench.sh"
need iscsi-perf
kib() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/$DAEMON/status"; }
sleeps() { cat "/proc/$DAEMON"/task/*/status | awk '$1 == "voluntary_ctxt_switches:" { sum += $2 } END { print sum }'; }

truncate -s 1G "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
sleep 0.5
before="$(sleeps)"
sleep 3
after="$(sleeps)"
idle_kib="$(kib VmRSS)"
say "idle: $idle_kib KiB resident (limit 16384), $((after - before)) wake-ups in 3 s (limit 0)"

expect_exit 0 iscsi-perf -t 5 -m 64 -b 512 "$URL"
start recorder "$ACKED_WRITES" record "$URL" "$WORK/writes" 4
expect_exit_of "$PID" 0 30 "the recorder"
busy_kib="$(kib VmHWM)"
say "one busy session: $busy_kib KiB resident at most (limit 65536)"
stop_holdfastd

[[ $idle_kib -lt 16384 ]] || fail "idle it holds $idle_kib KiB"
[[ $((after - before)) -eq 0 ]] || fail "idle it woke up $((after - before)) times in 3 s"
[[ $busy_kib -lt 65536 ]] || fail "busy it held $busy_kib KiB"
