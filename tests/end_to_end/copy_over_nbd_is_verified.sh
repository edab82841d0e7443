# The same copy over NBD, onto two servers that have nothing in common: the tool's own verification,
# e2fsck, and rsync through the kernel's ext4 agree.
. "$(dirname "$0")/lib.sh"
make_tree "$WORK/tree"

# copy_onto IMAGE EXPRESSION: what is true of `run`'s negotiated facts.
copy_onto() {
  expect_exit 0 "$HOLDFAST" copy "$WORK/tree" "$URL?connections=4" --verify --json "$WORK/run.json" --stall 20s --hang 60s
  expect_json "$WORK/run.json" 'run["verdict"] == "steady" and run["totals"]["files"] > 2500'
  expect_json "$WORK/run.json" 'run["destination"]["transport"] == "nbd"'
  expect_json "$WORK/run.json" "[n for n in [run['destination']['negotiated']] if $2]"
  expect_faithful_image "$1"
  rm "$1"
}

say "nbdkit, with structured replies and several connections"
truncate -s 512M "$WORK/kit"
start_nbdkit file "$WORK/kit"
copy_onto "$WORK/kit" "n['structured_replies'] == 'Yes' and n['connections'] == '4' and n['fua'] == 'Yes'"

say "nbdkit, with one connection, simple replies and limits"
truncate -s 512M "$WORK/frugal"
start_nbdkit --no-sr --filter=multi-conn --filter=blocksize-policy file "$WORK/frugal" multi-conn-mode=disable \
  blocksize-minimum=4096 blocksize-preferred=4096 blocksize-maximum=65536 blocksize-error-policy=error
copy_onto "$WORK/frugal" "n['structured_replies'] == 'No' and n['connections'] == '1' and n['block_bytes_maximum'] == '65536'"

say "nbd-server"
truncate -s 512M "$WORK/server"
start_nbd_server "$WORK/server"
copy_onto "$WORK/server" "n['structured_replies'] == 'No' and n['connections'] == '4' and n['export'] == 'disk'"
kill_nbd_server

say "nbd-server without FUA"
truncate -s 512M "$WORK/plain"
start_nbd_server "$WORK/plain" "fua = false"
copy_onto "$WORK/plain" "n['fua'] == 'No' and n['flush'] == 'Yes'"
