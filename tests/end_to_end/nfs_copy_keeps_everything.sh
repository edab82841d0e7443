# A tree of everything that `cp -a` keeps goes onto a real NFS server, over version 4 and 3, and is compared
# on the server's own disk.
. "$(dirname "$0")/lib.sh"
make_tree "$WORK/tree"
rm "$WORK/tree/sparse/large"  # NFS cannot be asked for holes, and its 20 GiB take minutes to be read back.
for version in 4 3; do
  start_ganesha "$version"
  expect_exit 0 "$HOLDFAST" copy "$WORK/tree" "${URL/export/export/new}" --verify --json "$WORK/run.json" \
    --stall 20s --hang 60s
  expect_json "$WORK/run.json" 'run["verdict"] == "steady" and run["totals"]["files"] > 2500'
  expect_json "$WORK/run.json" 'run["destination"]["transport"] == "nfs"'
  expect_json "$WORK/run.json" "run['destination']['negotiated']['version'].startswith('$version')"
  # Version 3 has no times outside of 1970 to 2106.
  [[ $version -eq 4 ]] || find "$EXPORT/new/times" "$WORK/tree/times" \( ! -newermt 1970-01-02 -o -newermt 2106-01-01 \) \
    -exec touch -h -d 2001-01-01 {} +
  expect_same_on_server "$WORK/tree" "$EXPORT/new"
  kill "$SERVER"
  rm -rf "$EXPORT"
done
