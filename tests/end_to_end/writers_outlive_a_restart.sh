# A daemon is killed and started again, and ended in good order and started again, under a client that
# writes at queue depth and reconnects by itself (libiscsi): it logs in anew and finishes without an
# error, and every block holds what was acknowledged last: nothing lost, and nothing old on top.
. "$(dirname "$0")/lib.sh"
PORT="$(free_port)"

# restarted_under COMMAND...: what ends the daemon, twice while the client writes.
restarted_under() {
  local writer
  rm -f "$WORK/image"
  truncate -s 64M "$WORK/image"
  start_holdfastd
  start writer "$ACKED_WRITES" endure "$URL" "$WORK/writes" 12
  writer="$PID"
  for _ in 1 2; do
    sleep 3
    is_alive "$writer" || fail "the writer gave up: $(cat "$WORK/writer.log")"
    "$@"
    start_holdfastd
  done
  expect_exit_of "$writer" 0 90 "the writer"
  cat "$WORK/writer.log"
  grep -q ' 0$' "$WORK/writes" || fail "nothing was acknowledged"
  ! grep -qv ' 0$' "$WORK/writes" || fail "writes were still in flight: $(grep -v ' 0$' "$WORK/writes" | head -n 3)"
  expect_exit 0 "$ACKED_WRITES" check "$WORK/image" "$WORK/writes"
  stop_holdfastd
}
kill_holdfastd() {
  kill -KILL "$DAEMON"
  wait "$DAEMON" 2> /dev/null || true
}

one_lun "$WORK/image" IOMode=wt
say "killed, write-through"
restarted_under kill_holdfastd
say "ended by SIGTERM, write-back"
one_lun "$WORK/image" IOMode=wb
restarted_under stop_holdfastd
[[ $(grep -c 'logged out' "$WORK/holdfastd.log") -ge 2 ]] || fail "the writer was not asked to log out"
