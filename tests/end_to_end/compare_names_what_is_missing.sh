# A server that is not installed is a row that says which package to install, and the others run.
. "$(dirname "$0")/lib.sh"
make_big_tree "$WORK/tree" 1
mkdir "$WORK/storage" "$WORK/empty"
expect_exit 0 env PATH="$WORK/empty" "$HOLDFAST" compare "$WORK/tree" --rounds 1 --storage "$WORK/storage" \
  --json "$WORK/c.json"
expect_says 'apt-get install nbdkit'
expect_says 'apt-get install nbd-server'
expect_says 'apt-get install nfs-ganesha'
expect_json "$WORK/c.json" '{d["label"]: d["status"] for d in run["destinations"]} == {
  "local": "ran", "holdfastd": "ran", "holdfastd again": "ran", "nbdkit": "not_installed",
  "nbd-server": "not_installed", "ganesha-v4": "not_installed", "ganesha-v3": "not_installed"}'
# Who asks for it by name has not got what was asked for.
expect_exit 1 env PATH="$WORK/empty" "$HOLDFAST" compare "$WORK/tree" --rounds 1 --storage "$WORK/storage" \
  --servers local,nbdkit
expect_exit 3 env PATH="$WORK/empty" "$HOLDFAST" compare "$WORK/tree" --rounds 1 --storage "$WORK/storage" \
  --servers nbdkit
expect_exit 2 "$HOLDFAST" compare "$WORK/tree" --servers apache
expect_says 'there are local, holdfastd'
expect_exit 2 "$HOLDFAST" compare "$WORK/tree" --storage "$WORK/nowhere"
expect_exit 2 "$HOLDFAST" compare "$WORK" --storage "$WORK/storage"
expect_says 'lies in the source'
[[ -z "$(ls -A "$WORK/storage")" ]] || fail "left on the storage: $(ls "$WORK/storage")"
