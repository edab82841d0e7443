# One row of the matrix: blame_matrix_row.sh TRANSPORT FAULT RUNS FILE. It serves in a lab of its own, makes the
# fault happen RUNS times at random moments under a load, and appends a line for each run to FILE:
# TRANSPORT FAULT BLAME KIND LASTED_S EVIDENCE. Where this machine was too busy to run the tool, which the tool
# says, the run shows nothing and is made again.
. "$(dirname "$0")/incident.sh"
transport="$1" fault="$2" runs="$3" results="$4"
# `libiscsi` is iSCSI with that engine; `iscsi` is our own.
server="${transport/libiscsi/iscsi}" engine=()
[[ $transport != iscsi && $transport != tgt ]] || engine=(--engine native)
[[ $transport != libiscsi ]] || engine=(--engine libiscsi)
need_root "network namespaces and frozen filesystems"
real_holdfast="$HOLDFAST"
lab_up 9000
serve=(ip netns exec "$LAB-server")

# random_s LEAST MOST: so many milliseconds, as seconds for sleep.
random_s() {
  local ms=$(($1 + RANDOM % ($2 - $1)))
  printf '%d.%03d' $((ms / 1000)) $((ms % 1000))
}

# A disk whose filesystem can be frozen under whoever serves it.
make_freezable() {
  need fsfreeze mkfs.ext4
  truncate -s 8G "$WORK/disk"
  mkfs.ext4 -q "$WORK/disk"
  mkdir -p "$WORK/media"
  mount -o loop "$WORK/disk" "$WORK/media" 2> "$WORK/mount.log" || skip "cannot loop-mount here: $(cat "$WORK/mount.log")"
  at_exit wait_until 20 umount -q "$WORK/media"
  # Whoever writes there could not even be killed.
  at_exit fsfreeze -u "$WORK/media"
  truncate -s 64M "$WORK/media/image"
}

takes_connections() { in_client bash -c ": < /dev/tcp/$LAB_SERVER_ADDRESS/$1" 2> /dev/null; }
await_port() { wait_until 20 takes_connections "$1" || fail "$transport does not come up"; }

# start_TRANSPORT: sets SERVED (pids) and URL.
start_iscsi() {
  truncate -s 64M "$WORK/image"
  one_lun "$WORK/image"
  PORT=3260 start_holdfastd --enable-faults
  SERVED="$DAEMON"
}
start_tgt() {
  need tgtd tgtadm
  local channel=$(($$ % 30000 + 200)) admin
  admin=(tgtadm -C "$channel" --lld iscsi)
  start tgtd "${serve[@]}" tgtd -f -C "$channel" --iscsi portal="$LAB_SERVER_ADDRESS:3260"
  SERVED="$PID"
  wait_until 20 eval "${admin[*]} --op show --mode target > /dev/null 2>&1" || fail "tgtd does not start"
  "${admin[@]}" --op new --mode target --tid 1 -T "$IQN"
  "${admin[@]}" --op new --mode logicalunit --tid 1 --lun 1 -b "$WORK/media/image"
  "${admin[@]}" --op bind --mode target --tid 1 -I ALL
  URL="iscsi://$LAB_SERVER_ADDRESS:3260/$IQN/1"
}
start_nbd() {
  need nbdkit
  start nbdkit "${serve[@]}" nbdkit -f -i "$LAB_SERVER_ADDRESS" -p 10809 file "$WORK/media/image"
  SERVED="$PID"
  await_port 10809
  URL="nbd://$LAB_SERVER_ADDRESS:10809/"
}
start_nfs() {
  need ganesha.nfsd
  mkdir -p "$WORK/media/export" "$WORK/recovery"
  cat > "$WORK/ganesha.conf" << CONFIG
NFS_CORE_PARAM { NFS_Protocols = 4; NFS_Port = 2049; Bind_addr = $LAB_SERVER_ADDRESS;
  Enable_UDP = false; Enable_NLM = false; Enable_RQUOTA = false; mount_path_pseudo = true; }
NFSv4 { Graceless = true; RecoveryRoot = $WORK/recovery; Only_Numeric_Owners = true; }
EXPORT { Export_Id = 1; Path = $WORK/media/export; Pseudo = /export; SecType = sys; Protocols = 4; Transports = TCP;
  Access_Type = RW; Squash = No_Root_Squash; FSAL { Name = VFS; } }
CONFIG
  rm -f "$WORK/ganesha.out"
  start ganesha "${serve[@]}" ganesha.nfsd -F -f "$WORK/ganesha.conf" -L "$WORK/ganesha.out" -p "$WORK/ganesha.pid"
  SERVED="$PID"
  wait_until 30 grep -q 'NFS SERVER INITIALIZED' "$WORK/ganesha.out" 2> /dev/null || fail "nfs-ganesha does not start"
  URL="nfs://$LAB_SERVER_ADDRESS/export?version=4"
}

# Some 100 kB have passed.
is_under_way() { in_client ss -Htin state established "( dport >= :1024 )" | grep -qE 'bytes_(acked|received):[0-9]{6,}'; }

end_server() {
  kill -CONT "$SERVED" 2> /dev/null || true
  kill -KILL "$SERVED" 2> /dev/null || true
  wait "$SERVED" 2> /dev/null || true
}

# What happens, and what ends it.
begin_cut_out() { cut_link to_server; }
begin_cut_in() { cut_link to_client; }
begin_cut_both() { cut_link both; }
begin_neighbour() { lose_neighbour to_server; }
begin_long_frames() { lose_longer_than 1500 to_server; }
begin_stopped() { kill -STOP "$SERVED"; }
begin_killed() { end_server; }
begin_starved() { kill -STOP "$RUN" 2> /dev/null || true; }
begin_not_reading() { step 'now stop out'; }
begin_backend() {
  if [[ $server == iscsi ]]; then adm fault add hang > "$WORK/rule"; else fsfreeze -f "$WORK/media"; fi
}
end_fault() {
  case "$fault" in
    cut_* | neighbour | long_frames) heal ;;
    stopped) kill -CONT "$SERVED" ;;
    killed) "start_$server" ;;
    starved) kill -CONT "$RUN" 2> /dev/null || true ;;
    not_reading) step 'now resume' ;;
    backend) if [[ $server == iscsi ]]; then adm fault clear; else fsfreeze -u "$WORK/media"; fi ;;
  esac
}

# passes NUMBER: that run's fault is over before anybody gives up; every other one is.
passes() { [[ $fault == starved || $(($1 % 2)) -eq 0 ]]; }

# begin_run NUMBER: the work under which it happens; sets RUN (pid).
begin_run() {
  local limits=(--stall 300ms --hang "$(passes "$1" && echo 15s || echo 1500ms)" --json "$WORK/run.json")
  rm -f "$WORK/run.json"
  if [[ $transport == nfs ]]; then
    mkdir -p "$WORK/media/export/$1"
    start run "$HOLDFAST" copy "$WORK/tree" "${URL/export?/export\/$1?}" "${limits[@]}"
  else
    local kind=(--rw randrw --block 16k --depth 4)
    [[ $fault != long_frames && $fault != not_reading ]] || kind=(--rw write --block 64k --depth 8)
    # Reads come from the page cache, which no frozen filesystem holds up.
    [[ $fault != backend ]] || kind=(--rw randwrite --block 16k --depth 4)
    # What we ourselves have not sent in time is no stall of the path; a rate would make it look like one.
    [[ -z "${HOLDFAST_BLAME_RATE-}" || $fault == starved ]] || kind+=(--rate "$HOLDFAST_BLAME_RATE")
    start run "$HOLDFAST" load "$URL" "${engine[@]}" "${kind[@]}" --time 30s "${limits[@]}"
  fi
  RUN="$PID"
}

result() {
  python3 - "$WORK/run.json" "$transport" "$fault" "$VOID" "$FAULT_AT" << 'PYTHON'
import json, sys
try:
    run = json.load(open(sys.argv[1]))
except (OSError, ValueError):
    run = {"events": []}
bad = [e for e in run["events"] if e["kind"] in ("stall", "hang", "outage", "local_pause")]
# What stalled before the fault was made is none of its doing, be the server slow or the machine; where that ended
# the run, or hid the fault's own, nothing is shown.
made_at = float(sys.argv[5]) - run.get("workload", {}).get("started_ns", 0) / 1e9
before = [e for e in bad if e["at_s"] < made_at - 0.4]
hidden = any(e["kind"] in ("hang", "outage") or e["at_s"] + e["lasted_s"] > made_at for e in before)
bad = [e for e in bad if e not in before]
worst = max(bad, key=lambda e: e["lasted_s"], default={"blame": "nothing", "kind": "none", "lasted_s": 0, "evidence": ""})
# The one that ended the run tells more than what came before it.
for event in bad:
    if event["kind"] in ("hang", "outage"):
        worst = event
# A pause of our own, or a stall for which the tool blames one: this machine did not run it, and nothing is shown.
starved = worst["kind"] == "local_pause" or worst["blame"] == "local" and "our own" in worst["evidence"]
void = sys.argv[4] or hidden or sys.argv[3] != "starved" and starved
print(*sys.argv[2:4], "void" if void else worst["blame"], worst["kind"], f"{worst['lasted_s']:.2f}", worst["evidence"].replace("\n", " "))
PYTHON
}

[[ $server == iscsi ]] || make_freezable
[[ $transport != nfs ]] || make_big_tree "$WORK/tree" 500
"start_$server"
if [[ $fault == not_reading ]]; then
  HOLDFAST="$WORK/in-lab-fault"
  printf '#!/bin/sh\nexec ip netns exec %q %q "$@"\n' "$LAB-server" "$real_holdfast" > "$HOLDFAST"
  chmod +x "$HOLDFAST"
  start_fault "$LAB_SERVER_ADDRESS:3260" --listen "$LAB_SERVER_ADDRESS:3261"
  HOLDFAST="$WORK/in-lab-holdfast"
fi
shown=0
for ((number = 1; shown < runs && number <= 2 * runs + 2; ++number)); do
  begin_run "$number"
  VOID=""
  wait_until 30 eval "is_under_way || ! is_alive $RUN"
  sleep "$(random_s 300 1500)"
  is_alive "$RUN" || VOID=void  # It never came so far.
  read -r FAULT_AT _ < /proc/uptime
  "begin_$fault"
  if passes "$number"; then
    sleep "$(random_s 1100 1800)"
  else
    # Until it has given up, so that nothing is seen of what comes after the fault.
    wait_until 40 eval "! is_alive $RUN" || fail "a run does not give up"
  fi
  [[ $fault == killed ]] || end_fault
  if passes "$number"; then
    # What was lost is sent again at the latest when it has been gone for as long as it was cut.
    sleep 2.2
    kill -INT "$RUN" 2> /dev/null || true
  fi
  wait_until 40 eval "! is_alive $RUN" || fail "a run does not end"
  wait "$RUN" || true
  [[ $fault != killed ]] || end_fault
  line="$(result)"
  echo "$line" | tee -a "$results"
  [[ "$line" == "$transport $fault void"* ]] || shown=$((shown + 1))
  [[ $transport != nfs ]] || rm -rf "$WORK/media/export/$number"
done
end_server
