# Several destinations that cannot be copied to, each for another reason, and one that can: every one is
# a row with its reason, in the words that `copy` has for it, and the good one runs.
. "$(dirname "$0")/lib.sh"
make_big_tree "$WORK/tree" 4
truncate -s 64M "$WORK/image" "$WORK/good"
truncate -s 1M "$WORK/tiny"
one_lun "$WORK/image" IOMode=ro
start_holdfastd
bad=("ndb://127.0.0.1/x" "$URL" "file://$WORK/tiny" "iscsi://$PORTAL/iqn.no:ne/0" "iscsi://$PORTAL/$IQN/7")
expect_exit 1 "$HOLDFAST" compare "$WORK/tree" "${bad[@]}" "file://$WORK/good" --rounds 1 --json "$WORK/c.json"

# expect_reason URL PATTERN CODE
expect_reason() {
  expect_json "$WORK/c.json" "[(bool(__import__('re').search(r'''$2''', d['reason'])), d['status'], d['code'])
    for d in run['destinations'] if d['url'] == '$1'] == [(True, 'refused', $3)]"
}
expect_reason "${bad[0]}" 'did you mean nbd\?' 2
expect_reason "${bad[1]}" 'write to .*: it is read-only; have its server' 3
expect_reason "${bad[2]}" 'copy .* to .*: that needs .*; make it larger' 2
expect_reason "${bad[3]}" 'target iqn.no:ne not found' 3
expect_reason "${bad[4]}" 'the target has no LUN 7' 3
expect_json "$WORK/c.json" "len(run['runs']) == 2 and all(
  r['destination']['url'] == 'file://$WORK/good' and r['verdict'] == 'steady' for r in run['runs'])"
expect_says 'did not run: .*did you mean nbd'
expect_says '^STEADY: all held still; .*not run: '

say 'when nothing runs'
expect_exit 3 "$HOLDFAST" compare "$WORK/tree" "${bad[@]}" --rounds 1
expect_says '^NOTHING RAN: '
expect_exit 2 "$HOLDFAST" compare "$WORK/tree" "${bad[0]}" "${bad[2]}" --rounds 1 --quiet
[[ $(allocated_mib "$WORK/image") -eq 0 && $(allocated_mib "$WORK/tiny") -eq 0 ]] || fail "something was written"

say 'the record can be compared with itself'
expect_exit 0 "$HOLDFAST" diff "$WORK/c.json" "$WORK/c.json"
expect_says '^NOT WORSE'
