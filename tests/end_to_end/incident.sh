# Sourced by the field incidents: each is a story that people told, made to happen again.
. "$(dirname "${BASH_SOURCE[0]}")/fault.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../lab/netlab.sh"

# expect_blame WORD...: the longest silence of the run is blamed on one of these, and says why. Where this machine
# was so busy that the tool did not run itself, it says that, and nothing is shown about the peer.
expect_blame() {
  local outcome=0
  python3 - "$WORK/run.json" "$@" << 'PYTHON' || outcome=$?
import json, sys
run = json.load(open(sys.argv[1]))
bad = [e for e in run["events"] if e["kind"] in ("stall", "hang", "outage", "local_pause")]
worst = max(bad, key=lambda e: e["lasted_s"], default=None)
if worst is None:
    sys.exit("nothing happened in this run")
print(f"-- {worst['kind']} of {worst['lasted_s']:.2f} s, blame {worst['blame']}: {worst['evidence']}")
if worst["blame"] == "local" and "local" not in sys.argv[2:] and "our own" in worst["evidence"]:
    sys.exit(77)
sys.exit(worst["blame"] not in sys.argv[2:] or not worst["evidence"])
PYTHON
  [[ $outcome -ne 77 ]] || skip "this machine is too busy to show it: the tool itself did not run"
  [[ $outcome -eq 0 ]] || fail "the blame is not among: $*"
}

# begin_load OPTION...: in the background, writing its record, until it has moved some 100 kB; sets LOAD (pid).
begin_load() {
  start load "$HOLDFAST" load "$URL" --json "$WORK/run.json" "$@"
  LOAD="$PID"
  wait_until 30 has_moved "$URL" || fail "the load does not get under way"
}

# has_moved URL: a connection from here, or from the lab's client, to its port has.
has_moved() {
  local port="${1#*://}" from=()
  port="${port#*:}"
  [[ -z "${LAB-}" ]] || from=(ip netns exec "$LAB-client")
  "${from[@]}" ss -Htin state established "( dport = :${port%%/*} )" | grep -qE 'bytes_(acked|received):[0-9]{6,}'
}
