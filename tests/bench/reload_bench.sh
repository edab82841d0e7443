# A reload of 1,000 Luns while another target is loaded: by our own watch no gap in its I/O is longer than
# 100 ms, whether the Luns come, all change, or go, and while one of them is in use.
. "$(dirname "$0")/bench.sh"
luns=1000
truncate -s 256M "$WORK/steady"
mkdir "$WORK/luns"
for ((i = 0; i < luns; ++i)); do truncate -s 16M "$WORK/luns/$i"; done
CONFIG="$WORK/holdfastd.conf"
steady=iqn.2026-11.example:steady many=iqn.2026-11.example:many

# write_config [LUN-OPTIONS]: with 1,000 Luns of these options, or without.
write_config() {
  local i
  printf 'Target %s\n    Lun 0 Path=%s,IOMode=wb\n' "$steady" "$WORK/steady" > "$CONFIG"
  [[ $# -gt 0 ]] || return 0
  echo "Target $many" >> "$CONFIG"
  for ((i = 0; i < luns; ++i)); do echo "    Lun $i Path=$WORK/luns/$i,$1"; done >> "$CONFIG"
}

write_config
start_holdfastd
start watched "$HOLDFAST" load "iscsi://$PORTAL/$steady/0" --rw randrw --block 4k --depth 8 --rate 1000 --time 300s \
  --stall 100ms --json "$WORK/watched.json"
watched="$PID"
wait_until 20 eval "adm session | grep -q sid:" || fail "no session appears"
sleep 2

# reload_and_wait WHAT: prints how long it took, up to the last closed Lun.
reload_and_wait() {
  local before after
  before="$(now_ms)"
  adm reload | head -n 1
  wait_until 60 eval "! adm volume | grep -q state:1" || fail "Luns are left"
  after="$(now_ms)"
  say "$1: $((after - before)) ms"
}
write_config IOMode=wb
reload_and_wait "$luns Luns come"
start busy "$HOLDFAST" load "iscsi://$PORTAL/$many/500" --rw write --block 64k --depth 8 --time 300s
busy="$PID"
sleep 2
write_config IOMode=wt
reload_and_wait "$luns Luns are replaced, one of them in use"
write_config
reload_and_wait "$luns Luns go"
sleep 2
kill -INT "$watched"
wait "$watched" || true
wait_until 20 eval "! is_alive $busy" || fail "a load goes on without its target"
stop_holdfastd
say "$(grep '^  worst gap' "$WORK/watched.log" | sed 's/^ *//') (limit 100 ms)"
python3 - "$WORK/watched.json" << 'PYTHON' || fail "another target's I/O stood still"
import json, sys
run = json.load(open(sys.argv[1]))
held_up = [e for e in run["events"] if e["kind"] in ("stall", "hang", "outage", "reconnect") or e["lasted_s"] > 0.1]
ours = [e for e in held_up if e["kind"] == "local_pause" or e.get("blame") == "local"]
for e in held_up:
    print({key: e.get(key) for key in ("kind", "at_s", "lasted_s", "op", "blame")})
sys.exit(len(held_up) > len(ours))
PYTHON
