# compare, without a destination: real servers start on loopback, every one gets the same copy, read
# back and compared, beside the local limit; the record has it all, and nothing is left behind.
. "$(dirname "$0")/lib.sh"
need nbdkit nbd-server ganesha.nfsd
need_root "nfs-ganesha's VFS opens files by handle"
make_big_tree "$WORK/tree" 4
mkdir -p "$WORK/tree/deep/er" "$WORK/storage"
for i in {1..200}; do echo "file $i" > "$WORK/tree/deep/er/$i"; done
ln "$WORK/tree/deep/er/1" "$WORK/tree/deep/link"
ln -s er/2 "$WORK/tree/deep/symlink"

expect_exit 0 "$HOLDFAST" compare "$WORK/tree" --rounds 2 --storage "$WORK/storage" --json "$WORK/c.json" \
  --html "$WORK/c.html" --hang 60s --stall 30s
expect_says '^STEADY: '
expect_json "$WORK/c.json" 'run["schema"] == "holdfast.compare/1" and run["exit_code"] == 0'
for label in local holdfastd nbdkit nbd-server ganesha-v4 'holdfastd again'; do
  expect_json "$WORK/c.json" "len([r for r in run['runs'] if r['in_comparison']['label'] == '$label'
    and r['verdict'] == 'steady' and r['totals']['verified_bytes'] == r['totals']['bytes'] > 4 << 20
    and r['totals']['files'] == 208]) == 2"
done
expect_json "$WORK/c.json" 'all(d["server"]["version"] for d in run["destinations"] if d["server"]["name"])'
# Every round has everyone, and no two rounds the same order.
expect_json "$WORK/c.json" 'len({tuple(r["in_comparison"]["label"] for r in run["runs"]
  if r["in_comparison"]["round"] == n) for n in (1, 2)}) == 2'
grep -q '<html' "$WORK/c.html" || fail "the page is no page"
[[ -z "$(ls -A "$WORK/storage")" ]] || fail "left on the storage: $(ls "$WORK/storage")"
