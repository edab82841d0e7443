# A FUSE mount that does not answer one call on one file. When it answers after three seconds, that is
# a stall; when it never does, a hang: the run ends in time though its threads are stuck in the kernel,
# names the call and the file, and nothing of ours is left once the mount lets go.
. "$(dirname "$0")/lib.sh"
need_root "to mount"
[[ -c /dev/fuse ]] || skip "no /dev/fuse"
: "${BLOCKING_FUSE:?}"
mkdir -p "$WORK/tree/sub" "$WORK/backing" "$WORK/mount"
for i in {1..40}; do echo "content $i" > "$WORK/tree/file$i"; done
cp "$WORK/tree/file1" "$WORK/tree/sub/inner"
head -c 3M /dev/urandom > "$WORK/tree/big"
rules="$WORK/rules"
start fuse "$BLOCKING_FUSE" "$WORK/backing" "$WORK/mount" "$rules"
at_exit umount -ql "$WORK/mount"
wait_until 10 mountpoint -q "$WORK/mount" || skip "cannot mount FUSE here: $(cat "$WORK/fuse.log")"

none_left() { ! pgrep -f "dir://$WORK/mount" > /dev/null; }

# begin_copy RULE OPTION...: starts a copy into the empty mount; returns when the rule holds a call.
begin_copy() {
  local rule="$1"
  shift
  find "$WORK/backing" -mindepth 1 -delete
  rm -f "$WORK/run.json" "$rules.blocked"
  echo "$rule" > "$rules"
  start copy "$HOLDFAST" copy "$WORK/tree" "dir://$WORK/mount" --verify --json "$WORK/run.json" "$@"
  copy="$PID"
  wait_until 30 test -s "$rules.blocked" || fail "no call was held by the rule $rule"
  held_ms="$(now_ms)"
}

# is_a_hang RULE OPERATION FILE SYSTEM-CALL
is_a_hang() {
  say "$1, for good"
  begin_copy "$1" --stall 500ms --hang 2s
  expect_exit_of "$copy" 4 20 "the copy"
  local took_ms=$(($(now_ms) - held_ms))
  say "the copy ended $took_ms ms after the call began"
  [[ $took_ms -le 8000 ]] || fail "not in time"
  expect_says '^HUNG: ' "$WORK/copy.log"
  expect_json "$WORK/run.json" 'run["verdict"] == "hung"'
  # Calls on its neighbours may wait for it in the kernel, and one of them may have been due before it.
  expect_json "$WORK/run.json" "any(o['op'] == '$2' and ('/' + o['file']).endswith('/$3') for e in run['events'] for o in e.get('in_flight', []))"
  expect_json "$WORK/run.json" "any(__import__('re').match('the kernel has been in ($4) for ', e['evidence']) for e in run['events'])"
  rm "$rules"
  wait_until 20 none_left || fail "processes are left: $(pgrep -af "dir://$WORK/mount")"
  sleep 0.5 # The server does now what nobody waits for any more.
}

# is_a_stall RULE
is_a_stall() {
  say "$1, for 3 s"
  begin_copy "$1" --stall 1s --hang 20s
  sleep 3
  rm "$rules"
  expect_exit_of "$copy" 1 60 "the copy"
  expect_json "$WORK/run.json" "any(e['kind'] == 'stall' for e in run['events'])"
  expect_json "$WORK/run.json" 'run["verdict"] == "stalled" and run["workload"]["mismatches"] == 0'
}

is_a_hang "mkdir *" get_attributes "" mkdirat # the first thing that it tries there
is_a_hang "create file7" create file7 "openat|mkdirat"
is_a_hang "write big" write big pwrite64
is_a_hang "chown file9" flush file9 fchown
is_a_hang "fsync big" flush big fsync
is_a_hang "mkdir sub" make_directory sub "mkdirat|openat" # what is made beside it waits for it
is_a_hang "read big" read big pread64 # only the verification reads
is_a_stall "create file7"
is_a_stall "write big"
is_a_stall "mkdir sub"
is_a_stall "read big"
umount "$WORK/mount" || fail "somebody is still in the mount"
