# "systemctl says active (running), the port is open, and every client hangs in connect": accepted, and never
# answered. Each transport says so and ends in time, with exit code 3.
. "$(dirname "$0")/incident.sh"
mkdir "$WORK/tree"
echo content > "$WORK/tree/file"
URL=""
start_fault 127.0.0.1:1 --step 'now silent'
ends_in_time() {
  local began_ms took_ms
  began_ms="$(now_ms)"
  LIMIT=60 expect_exit 3 "$@"
  took_ms=$(($(now_ms) - began_ms))
  say "$took_ms ms: $(tail -n 1 "$WORK/out")"
  [[ $(wc -l < "$WORK/out") -le 3 ]] || fail "it does not say it in a line"
}
ends_in_time "$HOLDFAST" discover "iscsi://$PROXY"
ends_in_time "$HOLDFAST" copy "$WORK/tree" "iscsi://$PROXY/$IQN/0" --stall 500ms --hang 2s
ends_in_time "$HOLDFAST" copy "$WORK/tree" "nbd://$PROXY/disk" --stall 500ms --hang 2s
ends_in_time "$HOLDFAST" copy "$WORK/tree" "nfs://127.0.0.1/export?version=4&nfsport=${PROXY##*:}" --stall 500ms --hang 2s
stop_fault
