# Sourced by every script here: real processes on 127.0.0.1, a folder of one's own, nothing left.
#
# CTest gives the programs as HOLDFASTD, HOLDFAST, ACKED_WRITES, LOGINS, MAKE_NASTY_TREE and
# SG_OVER_ISCSI. A script that reaches its end has passed; `fail` and every command that fails unexpectedly end it; `skip` says why it cannot run.

set -euo pipefail
: "${HOLDFASTD:?}" "${HOLDFAST:?}" "${ACKED_WRITES:?}" "${MAKE_NASTY_TREE:?}"
PATH="$PATH:/usr/sbin:/sbin"
export LC_ALL=C.UTF-8
# A test's processes must not read each other's leaks as failures of the program under test.
export ASAN_OPTIONS="abort_on_error=0:exitcode=99:${ASAN_OPTIONS-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS-}"

IQN=iqn.2026-11.example.holdfast:disk
WORK="$(mktemp -d "${TMPDIR:-/var/tmp}/holdfast-test.XXXXXX")"
own_processes=()
at_exit_commands=()

say() { printf -- '-- %s\n' "$*"; }
skip() { say "skipped: $*"; exit 77; }
fail() { say "FAILED: $*"; exit 1; }
need() { local tool; for tool in "$@"; do command -v "$tool" > /dev/null || skip "no $tool"; done; }
need_root() { [[ $EUID -eq 0 ]] || skip "needs root: $*"; }
# at_exit COMMAND...: run at the end, last said first run.
at_exit() { at_exit_commands=("$(printf '%q ' "$@")" "${at_exit_commands[@]}"); }

finish() {
  local outcome=$? command pid log
  set +e
  trap '' INT TERM
  for command in "${at_exit_commands[@]}"; do eval "$command"; done
  for pid in "${own_processes[@]}"; do
    kill -CONT "$pid" 2> /dev/null
    kill -KILL "$pid" 2> /dev/null
    wait "$pid" 2> /dev/null
  done
  for log in "$WORK"/*.log; do
    [[ -f "$log" ]] || continue
    if grep -qE 'ERROR: (Address|Leak)Sanitizer|runtime error:|CHECK failed' "$log"; then
      say "FAILED: $(basename "$log") tells of a bug of our own"
      [[ $outcome -eq 0 ]] && outcome=1
    fi
    if [[ $outcome -ne 0 && $outcome -ne 77 ]]; then
      say "the end of $(basename "$log"):"
      tail -n 25 "$log"
    fi
  done
  [[ $EUID -eq 0 ]] || chmod -R u+rwX "$WORK"  # Read-only folders of a tree would stay.
  rm -rf --one-file-system "$WORK"
  exit "$outcome"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'say "$(basename "${BASH_SOURCE[0]}"):$LINENO: $BASH_COMMAND"' ERR

# start NAME COMMAND...: in the background, its output in $WORK/NAME.log; sets PID.
start() {
  local name="$1"
  shift
  "$@" > "$WORK/$name.log" 2>&1 < /dev/null &
  PID=$!
  own_processes+=("$PID")
}

is_alive() { kill -0 "$1" 2> /dev/null && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2> /dev/null; }

# wait_until SECONDS COMMAND...: asks again and again until it succeeds.
wait_until() {
  local until=$(($(now_ms) + $1 * 1000))
  shift
  until "$@"; do
    [[ $(now_ms) -lt $until ]] || return 1
    sleep 0.05
  done
}

now_ms() { local now="${EPOCHREALTIME/[.,]/}"; echo $((now / 1000)); }

# expect_exit_of PID CODE SECONDS WHAT: the process ends by itself, in time, with that code.
expect_exit_of() {
  local pid="$1" code="$2" seconds="$3" what="$4" got=0
  wait_until "$seconds" eval "! is_alive $pid" || fail "$what still runs after $seconds s"
  wait "$pid" || got=$?
  [[ $got -eq $code ]] || fail "$what ended with exit code $got, not $code"
}

# expect_exit CODE COMMAND...: output goes to $WORK/out and, for reading after a failure, run.log.
expect_exit() {
  local code="$1" got=0
  shift
  timeout --kill-after=5 "${LIMIT:-120}" "$@" > "$WORK/out" 2>&1 < /dev/null || got=$?
  { echo "+ $*"; cat "$WORK/out"; } >> "$WORK/run.log"
  [[ $got -eq $code ]] || fail "exit code $got, not $code, of: $*"
}

# expect_says PATTERN [FILE]: an extended regular expression on one line of the last output.
expect_says() {
  grep -qE -- "$1" "${2:-$WORK/out}" || fail "nothing matches '$1' in: $(cat "${2:-$WORK/out}")"
}

# expect_json FILE EXPRESSION: a Python expression over `run`, the parsed file, is true.
expect_json() {
  python3 - "$1" "$2" <<'PYTHON' || fail "$(basename "$1"): not true: $2"
import json, sys
run = json.load(open(sys.argv[1]))
if not eval(sys.argv[2]):
    print(json.dumps({k: v for k, v in run.items() if k != "timeline"}, indent=1)[:6000])
    sys.exit(1)
PYTHON
}

# one_lun IMAGE [LUN-OPTIONS [KEY VALUE]...]: writes and names a configuration in CONFIG.
one_lun() {
  local image="$1" options="${2:-IOMode=wb}"
  shift $(($# < 2 ? $# : 2))
  CONFIG="$WORK/holdfastd.conf"
  {
    echo "Target $IQN"
    echo "    Lun 0 Path=$image,Type=fileio,$options"
    while [[ $# -gt 1 ]]; do echo "    $1 $2"; shift 2; done
  } > "$CONFIG"
}

# start_holdfastd [OPTION...]: serves $CONFIG on a free port of $ADDRESS (127.0.0.1), or on $PORT, by
# $HOLDFASTD_THREADS (1); sets DAEMON (pid), PORTAL and URL.
start_holdfastd() {
  local word
  rm -f "$WORK/ready"
  mkfifo "$WORK/ready"
  "$HOLDFASTD" -f -c "$CONFIG" -a "${ADDRESS:-127.0.0.1}" -p "${PORT:-0}" --control "$WORK/control" --ready-fd 3 \
    --threads "${HOLDFASTD_THREADS:-1}" "$@" \
    3> "$WORK/ready" >> "$WORK/holdfastd.log" 2>&1 < /dev/null &
  DAEMON=$!
  own_processes+=("$DAEMON")
  exec {ready}< "$WORK/ready"
  read -rt 60 -u "$ready" word PORTAL || fail "holdfastd did not get ready"
  exec {ready}<&-
  [[ "$word" == ready ]] || fail "holdfastd said '$word $PORTAL', not 'ready ADDR:PORT'"
  URL="iscsi://$PORTAL/$IQN/0"
}

# use_sg_tools: then "${of[@]}" HOST COMMAND... runs a tool of sg3_utils, which is somebody else's code, as
# the initiator HOST; @ in COMMAND stands for the LUN of $URL.
use_sg_tools() {
  touch "$WORK/device"  # what the tool takes for one
  export URL WORK SG_OVER_ISCSI
  cat > "$WORK/of" <<'SCRIPT'
host="$1"
shift
SG_INITIATOR="iqn.2026-11.example.holdfast:$host" SG_URL="$URL" LD_PRELOAD="$SG_OVER_ISCSI" \
  exec "${@/#@/$WORK/device}"
SCRIPT
  of=(bash "$WORK/of")
}

# adm OPTION...: holdfastadm, of the daemon that start_holdfastd started.
adm() { "${HOLDFASTADM:?}" --control "$WORK/control" "$@"; }
# adm_fails CODE PATTERN OPTION...: it ends with that exit code, ietadm's for an errno, and says why.
adm_fails() {
  local code="$1" pattern="$2"
  shift 2
  expect_exit "$code" "${HOLDFASTADM:?}" --control "$WORK/control" "$@"
  expect_says "$pattern"
}

# stop_holdfastd: SIGTERM, and it must drain and exit 0.
stop_holdfastd() {
  kill -TERM "$DAEMON"
  expect_exit_of "$DAEMON" 0 30 "holdfastd after SIGTERM"
}

# A free port of 127.0.0.1, for servers that cannot pick one themselves.
free_port() {
  python3 - << 'PYTHON'
# Below what the kernel gives to those who do not ask for one, so that nobody else gets it between two
# servers of one test.
import random, socket
for port in random.sample(range(10000, 32768), 100):
    try:
        socket.socket().bind(("127.0.0.1", port))
    except OSError:
        continue
    print(port)
    break
PYTHON
}

# start_tgtd IMAGE: somebody else's target, on $TGT_PORTALS (127.0.0.1); sets URL, and TGTADM for tgt_lun. The user's LUNs
# begin at 1 there.
start_tgtd() {
  need tgtd tgtadm
  local image="$1" channel port portals
  for _ in {1..5}; do
    port="$(free_port)"
    channel=$((port % 30000 + 100))
    TGTADM=(tgtadm -C "$channel" --lld iscsi)
    portals="$(printf "portal=%s:$port," ${TGT_PORTALS:-127.0.0.1})"
    start tgtd tgtd -f -C "$channel" --iscsi "${portals%,}"
    if wait_until 10 eval "! is_alive $PID || ${TGTADM[*]} --op show --mode target > /dev/null 2>&1" &&
      is_alive "$PID"; then
      "${TGTADM[@]}" --op new --mode target --tid 1 -T "$IQN"
      "${TGTADM[@]}" --op new --mode logicalunit --tid 1 --lun 1 -b "$image"
      "${TGTADM[@]}" --op bind --mode target --tid 1 -I ALL
      URL="iscsi://127.0.0.1:$port/$IQN/1"
      return
    fi
  done
  fail "tgtd does not start"
}

# tgt_lun NUMBER PARAMETERS [IMAGE]: a LUN of tgtd's, a new one on IMAGE or one that is there, gets these.
tgt_lun() {
  local lun=(--mode logicalunit --tid 1 --lun "$1")
  [[ $# -lt 3 ]] || "${TGTADM[@]}" --op new "${lun[@]}" -b "$3"
  "${TGTADM[@]}" --op update "${lun[@]}" --params "$2"
}

# start_istgt IMAGE: another one of somebody else's; sets URL.
start_istgt() {
  need istgt
  local image="$1" port
  (umask 077; : > "$WORK/istgt-auth.conf")
  for _ in {1..5}; do
    port="$(free_port)"
    cat > "$WORK/istgt.conf" << CONFIG
[Global]
  NodeBase "iqn.2026-11.example.holdfast"
  PidFile $WORK/istgt.pid
  AuthFile $WORK/istgt-auth.conf
  LogFacility "local7"
  Timeout 30
  NopInInterval 20
  DiscoveryAuthMethod Auto
  MaxSessions 16
  MaxConnections 4
  FirstBurstLength 262144
  MaxBurstLength 1048576
  MaxRecvDataSegmentLength 262144
  InitialR2T Yes
  ImmediateData Yes
[UnitControl]
  AuthMethod Auto
  AuthGroup AuthGroup1
  Portal UC1 127.0.0.1:$(free_port)
  Netmask 127.0.0.1
[PortalGroup1]
  Portal DA1 127.0.0.1:$port
[InitiatorGroup1]
  InitiatorName "ALL"
  Netmask 127.0.0.1
[LogicalUnit1]
  TargetName disk
  Mapping PortalGroup1 InitiatorGroup1
  AuthMethod Auto
  AuthGroup AuthGroup1
  UseDigest Auto
  UnitType Disk
  LUN0 Storage $image Auto
CONFIG
    start istgt istgt -c "$WORK/istgt.conf" -D
    wait_until 10 eval "! is_alive $PID || (: < /dev/tcp/127.0.0.1/$port) 2> /dev/null"
    is_alive "$PID" && { URL="iscsi://127.0.0.1:$port/iqn.2026-11.example.holdfast:disk/0"; return; }
  done
  fail "istgt does not start"
}

# speaks_nbd PORT: somebody there greets as an NBD server does.
speaks_nbd() {
  local greeting=""
  { read -rN 8 -t 5 greeting < "/dev/tcp/127.0.0.1/$1"; } 2> /dev/null || true
  [[ "$greeting" == NBDMAGIC ]]
}

# start_nbdkit WORD...: its plugin, filters and what they take; sets NBDKIT (pid), NBD_PORT and URL.
start_nbdkit() {
  need nbdkit
  for _ in {1..5}; do
    NBD_PORT="$(free_port)"
    start nbdkit nbdkit -f -i 127.0.0.1 -p "$NBD_PORT" "$@"
    NBDKIT="$PID"
    URL="nbd://127.0.0.1:$NBD_PORT/disk"
    wait_until 10 eval "! is_alive $NBDKIT || speaks_nbd $NBD_PORT" && is_alive "$NBDKIT" && return
  done
  fail "nbdkit does not start"
}

# start_nbd_server IMAGE [LINE...]: the export "disk", with lines of its own; sets NBD_SERVER (pid), NBD_PORT
# and URL. It goes into the background, and has a process for each connection.
start_nbd_server() {
  need nbd-server
  local image="$1"
  shift
  for _ in {1..5}; do
    NBD_PORT="$(free_port)"
    printf '%s\n' "[generic]" "listenaddr = 127.0.0.1" "port = $NBD_PORT" "allowlist = true" \
      "[disk]" "exportname = $image" "flush = true" "fua = true" "trim = true" "$@" > "$WORK/nbd-server.conf"
    rm -f "$WORK/nbd-server.pid"
    nbd-server -C "$WORK/nbd-server.conf" -p "$WORK/nbd-server.pid" > "$WORK/nbd-server.log" 2>&1 < /dev/null || continue
    wait_until 10 test -s "$WORK/nbd-server.pid" || continue
    NBD_SERVER="$(< "$WORK/nbd-server.pid")"
    own_processes+=("$NBD_SERVER")
    at_exit kill_nbd_server
    URL="nbd://127.0.0.1:$NBD_PORT/disk"
    wait_until 20 eval "! is_alive $NBD_SERVER || speaks_nbd $NBD_PORT" && is_alive "$NBD_SERVER" && return
  done
  fail "nbd-server does not start"
}
nbd_server_connections() { cat "/proc/$NBD_SERVER/task/$NBD_SERVER/children" 2> /dev/null | tr -s ' ' '\n' | grep . || true; }
# kill_nbd_server: it and every connection of it, at once.
kill_nbd_server() {
  local connections
  connections="$(nbd_server_connections)"
  # shellcheck disable=SC2086 # several processes
  kill -KILL "$NBD_SERVER" $connections 2> /dev/null || true
}

# mount_image IMAGE: read-only, through the kernel's own ext4; sets MOUNT.
mount_image() {
  need_root "to mount the image"
  MOUNT="$WORK/mount"
  mkdir -p "$MOUNT"
  mount -o ro,loop,noload "$1" "$MOUNT" 2> "$WORK/mount.log" ||
    skip "cannot loop-mount here: $(cat "$WORK/mount.log")"
  at_exit umount -q "$MOUNT"
}

# expect_same_tree SRC DIR: by rsync's eyes, which see what `cp -a` keeps, times to the nanosecond and
# every byte included (but for those of make_tree's 20 GiB of hole, which take it minutes).
expect_same_tree() {
  need rsync
  local options
  for options in -anHAXi '-anHAXic --modify-window=-1 --exclude=/sparse/large'; do
    # shellcheck disable=SC2086 # several options
    rsync $options --delete "$1/" "$2/" > "$WORK/rsync.out" 2>&1 ||
      fail "rsync: $(cat "$WORK/rsync.out")"
    # Every ext4 has a lost+found.
    grep -vxE '\*deleting +lost\+found/' "$WORK/rsync.out" > "$WORK/differences" || true
    [[ ! -s "$WORK/differences" ]] || fail "the trees differ: $(head -n 40 "$WORK/differences")"
  done
}

# expect_faithful_image IMAGE: e2fsck finds nothing wrong with it, and the kernel finds $WORK/tree on it.
expect_faithful_image() {
  expect_exit 0 e2fsck -fn "$1"
  mount_image "$1"
  expect_same_tree "$WORK/tree" "$MOUNT"
  umount "$MOUNT"
}

# A tree of everything that `cp -a` keeps, as far as this machine and user can make it.
make_tree() {
  mkdir "$1"
  "$MAKE_NASTY_TREE" "$1" --short-paths
}

# A tree that takes a while to copy: MIB of data in a few files.
make_big_tree() {
  mkdir -p "$1"
  local i
  for i in {1..8}; do head -c "$(($2 * 131072))" /dev/urandom > "$1/file$i"; done
}

allocated_mib() { echo $(($(stat -c '%b * %B' "$1") >> 20)); }
# wait_for_data IMAGE MIB: a copy onto the image is under way.
wait_for_data() {
  wait_until 60 eval "[[ \$(allocated_mib '$1') -ge $2 ]]" ||
    fail "the image holds only $(allocated_mib "$1") MiB after 60 s"
}

# start_ganesha [VERSION [EXPORT-LINES]]: a real NFS server that is not ours, with rpcbind for version 3
# if none runs; sets URL, SERVER (its pid) and EXPORT, what is served as it lies on this disk.
start_ganesha() {
  need ganesha.nfsd
  need_root "nfs-ganesha opens files by handle"
  local version="${1:-4}" lines="${2:-Access_Type = RW; Squash = No_Root_Squash;}" port mount_port
  if [[ $version -eq 3 ]]; then
    need rpcbind rpcinfo
    if ! rpcinfo -p 127.0.0.1 > /dev/null 2>&1; then
      start rpcbind rpcbind -f
      wait_until 10 rpcinfo -p 127.0.0.1 > /dev/null 2>&1 || skip "rpcbind does not come up here"
    fi
  fi
  EXPORT="$WORK/export"
  mkdir -p "$EXPORT" "$WORK/recovery"
  for _ in {1..5}; do
    port="$(free_port)"
    mount_port="$(free_port)"
    cat > "$WORK/ganesha.conf" << CONFIG
NFS_CORE_PARAM { NFS_Protocols = $version; NFS_Port = $port; MNT_Port = $mount_port; Bind_addr = 127.0.0.1;
  Enable_UDP = false; Enable_NLM = false; Enable_RQUOTA = false; mount_path_pseudo = true; }
NFSv4 { Graceless = true; RecoveryRoot = $WORK/recovery; Only_Numeric_Owners = true; }
EXPORT { Export_Id = 1; Path = $EXPORT; Pseudo = /export; SecType = sys; Protocols = $version; Transports = TCP;
  $lines FSAL { Name = VFS; } }
CONFIG
    rm -f "$WORK/ganesha.out"
    start ganesha ganesha.nfsd -F -f "$WORK/ganesha.conf" -L "$WORK/ganesha.out" -p "$WORK/ganesha.pid"
    SERVER="$PID"
    URL="nfs://127.0.0.1/export?version=$version&nfsport=$port"
    [[ $version -eq 4 ]] || URL+="&mountport=$mount_port"
    wait_until 20 eval "! is_alive $SERVER || grep -q 'NFS SERVER INITIALIZED' '$WORK/ganesha.out' 2> /dev/null"
    ! is_alive "$SERVER" || return 0
  done
  skip "nfs-ganesha does not come up here: $(tail -n 3 "$WORK/ganesha.out")"
}

# expect_same_on_server SRC DIR: as far as NFS carries it: no extended attributes, no ACLs, and no times of
# symlinks, which nfs-ganesha does not set. Reading back changes times of access.
expect_same_on_server() {
  need rsync
  rsync -anHOic --modify-window=-1 --omit-link-times --devices --specials --delete "$1/" "$2/" > "$WORK/differences" 2>&1 ||
    fail "rsync: $(cat "$WORK/differences")"
  [[ ! -s "$WORK/differences" ]] || fail "the trees differ: $(head -n 40 "$WORK/differences")"
}

used_mib() { du -sm "$1" | cut -f 1; }
# wait_for_files DIR MIB: a copy into the directory is under way.
wait_for_files() {
  wait_until 60 eval "[[ \$(used_mib '$1') -ge $2 ]]" || fail "$1 holds only $(used_mib "$1") MiB after 60 s"
}
