# Ctrl-C in mid-copy: the tool ends at once, says so, and the daemon goes on serving.
. "$(dirname "$0")/lib.sh"
need iscsi-readcapacity16
make_big_tree "$WORK/tree" 400
truncate -s 1G "$WORK/image"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
# A shell without job control starts background processes deaf to SIGINT; python gives it back.
start copy python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$HOLDFAST" copy "$WORK/tree" "$URL"
copy="$PID"
wait_for_data "$WORK/image" 40
kill -INT "$copy"
wait_until 10 eval "! is_alive $copy" || fail "the copy still runs 10 s after SIGINT"
got=0
wait "$copy" || got=$?
say "exit code $got"
[[ $got -eq 130 ]] || fail "exit code $got, not 130"
expect_says '[Ii]nterrupted' "$WORK/copy.log"
expect_exit 0 iscsi-readcapacity16 "$URL"
stop_holdfastd
