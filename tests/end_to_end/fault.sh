# Sourced by the scripts that put `holdfast fault` between the initiator and a server.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# start_fault HOST:PORT OPTION...: a proxy before that server; sets FAULT (pid) and PROXY (ADDR:PORT), and URL to
# what it was, but through the proxy. `step TEXT` gives it a step while it runs.
start_fault() {
  local server="$1" word ready
  shift
  rm -f "$WORK/fault-ready" "$WORK/steps"
  mkfifo "$WORK/fault-ready" "$WORK/steps"
  exec {STEPS}<> "$WORK/steps"
  "$HOLDFAST" fault --to "$server" --live --ready-fd 3 --json "$WORK/fault.json" "$@" \
    3> "$WORK/fault-ready" < "$WORK/steps" >> "$WORK/fault.log" 2>&1 &
  FAULT=$!
  own_processes+=("$FAULT")
  exec {ready}< "$WORK/fault-ready"
  read -rt 30 -u "$ready" word PROXY || fail "holdfast fault did not get ready"
  exec {ready}<&-
  [[ "$word" == ready ]] || fail "holdfast fault said '$word $PROXY', not 'ready ADDR:PORT'"
  URL="${URL/"$server"/"$PROXY"}"
}

step() { echo "$*" >&"$STEPS"; }

# stop_fault: it ends in order, and its record is written.
stop_fault() {
  kill -INT "$FAULT"
  expect_exit_of "$FAULT" 0 10 "holdfast fault after SIGINT"
}
