# Two saved records side by side: exit 0, 1 when the second is worse, 2 when they cannot be compared.
. "$(dirname "$0")/lib.sh"
make_big_tree "$WORK/tree" 8
truncate -s 64M "$WORK/image"
expect_exit 0 "$HOLDFAST" copy "$WORK/tree" "file://$WORK/image" --verify --json "$WORK/run.json"

# alter NAME PYTHON: a copy of the record in which something happened.
alter() { python3 -c "import json; run = json.load(open('$WORK/run.json')); $2; json.dump(run, open('$WORK/$1.json', 'w'))"; }

expect_exit 0 "$HOLDFAST" diff "$WORK/run.json" "$WORK/run.json" --tolerance 0%
expect_says '^NOT WORSE: nothing changed'
alter slow "run['totals']['copy_seconds'] *= 2"
expect_exit 1 "$HOLDFAST" diff "$WORK/run.json" "$WORK/slow.json" --json "$WORK/diff.json"
expect_says '^WORSE by more than 10 %: copy time \+100\.0 %'
expect_json "$WORK/diff.json" 'run["worse"] and run["rows"][0]["change"] == 1'
expect_exit 0 "$HOLDFAST" diff "$WORK/run.json" "$WORK/slow.json" --tolerance 150%
expect_exit 0 "$HOLDFAST" diff "$WORK/slow.json" "$WORK/run.json" --quiet
[[ $(wc -l < "$WORK/out") -eq 1 ]] || fail "--quiet prints more than the verdict"
expect_says '^NOT WORSE: .*better'
alter hung "run['verdict'] = 'hung'; run['totals']['events']['hang'] = 1"
expect_exit 1 "$HOLDFAST" diff "$WORK/run.json" "$WORK/hung.json" --tolerance 1000%
expect_says '^WORSE .*hangs'

expect_exit 2 "$HOLDFAST" diff "$WORK/run.json"
expect_exit 2 "$HOLDFAST" diff "$WORK/run.json" "$WORK/none.json"
expect_says 'none\.json: cannot be read: No such file'
expect_exit 2 "$HOLDFAST" diff "$WORK/run.json" "$WORK"
expect_exit 2 "$HOLDFAST" diff "$WORK/run.json" "$WORK/image"
expect_says 'image: this is no record of holdfast'
echo '{"schema": "holdfast.run/9"}' > "$WORK/later.json"
expect_exit 2 "$HOLDFAST" diff "$WORK/later.json" "$WORK/run.json"
expect_says "its schema is 'holdfast.run/9'"
echo '{"schema": "holdfast.compare/1"}' > "$WORK/compare.json"
expect_exit 2 "$HOLDFAST" diff "$WORK/compare.json" "$WORK/run.json"
expect_says 'the record of a run, the other of a comparison'
alter load "run['workload']['kind'] = 'load'"
expect_exit 2 "$HOLDFAST" diff "$WORK/run.json" "$WORK/load.json"
expect_says 'one is of a copy, the other of a load'
expect_exit 2 "$HOLDFAST" diff "$WORK/run.json" "$WORK/run.json" --tolerance much
expect_says 'much is no tolerance'
expect_exit 2 "$HOLDFAST" diff "$WORK/run.json" "$WORK/run.json" --json "$WORK/no/such/diff.json"
