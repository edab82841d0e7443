# One destination is refused, another's server dies in mid-copy: both are told, and the others run.
. "$(dirname "$0")/lib.sh"
make_big_tree "$WORK/tree" 64
mkdir "$WORK/storage"
truncate -s 1G "$WORK/image" "$WORK/other"
one_lun "$WORK/image" IOMode=wb
start_holdfastd
closed="iscsi://127.0.0.1:$(free_port)/$IQN/0"
start compare "$HOLDFAST" compare "$WORK/tree" "$closed" "$URL" "file://$WORK/other" --rounds 2 \
  --storage "$WORK/storage" --json "$WORK/c.json" --hang 20s --stall 10s
compare="$PID"
wait_for_data "$WORK/image" 20
kill -KILL "$DAEMON"
expect_exit_of "$compare" 4 120 "the comparison"
expect_json "$WORK/c.json" "[d['status'] for d in run['destinations'] if d['url'] == '$closed'] == ['refused']"
expect_json "$WORK/c.json" "any(d['url'] == '$closed' and 'refused' in d['reason'].lower() for d in run['destinations'])"
expect_json "$WORK/c.json" "any(r['destination']['url'] == '$URL' and r['verdict'] == 'hung' for r in run['runs'])"
# Two runs of its own, and two as the A/A row, since it is the first that works.
expect_json "$WORK/c.json" "len([r for r in run['runs'] if r['destination']['url'] == 'file://$WORK/other'
  and r['verdict'] == 'steady' and r['totals']['verified_bytes'] > 0]) == 4"
expect_says 'onnection refused|refused' "$WORK/compare.log"
