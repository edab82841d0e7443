# Every mistake on the command line: exit code 2, said on standard error, and nothing is written.
. "$(dirname "$0")/lib.sh"
mkdir "$WORK/tree"
truncate -s 64M "$WORK/image"
good=("$WORK/tree" "file://$WORK/image")
expect_exit 0 "$HOLDFAST" --version
expect_says '^holdfast [0-9]+\.[0-9]+'
expect_exit 0 "$HOLDFAST" --help
expect_says 'holdfast discover iscsi://'
expect_says 'Exit codes'
expect_exit 0 "$HOLDFAST" copy --help
expect_says 'verify +Read everything back'
expect_exit 2 "$HOLDFAST"
expect_exit 2 "$HOLDFAST" dance
expect_exit 2 "$HOLDFAST" copy "$WORK/tree"
expect_exit 2 "$HOLDFAST" copy "${good[@]}" --stall 10
expect_says "'10' is no duration: it has no unit"
expect_exit 2 "$HOLDFAST" copy "${good[@]}" --stall 10s --hang 1s
expect_says 'shorter than --stall'
expect_exit 2 "$HOLDFAST" copy "${good[@]}" --json "$WORK/no/such/run.json"
expect_says 'no/such/run.json'
expect_exit 2 "$HOLDFAST" copy "$WORK/image" "file://$WORK/image"
expect_says 'not a directory'
expect_exit 2 "$HOLDFAST" copy "$WORK/tree" "file://$WORK/none.img"
expect_says 'truncate -s'
expect_exit 2 "$HOLDFAST" copy "$WORK/tree" "$WORK/image"
expect_says 'file:///'
expect_exit 2 "$HOLDFAST" copy "$WORK/tree" iscsi://me@127.0.0.1/iqn.x:y/0
expect_says 'HOLDFAST_PASSWORD'
expect_exit 2 "$HOLDFAST" discover iscsi://127.0.0.1:99999
expect_says "port '99999'"
expect_exit 2 "$HOLDFAST" discover iscsi://127.0.0.1/iqn.x:y/0
[[ $(allocated_mib "$WORK/image") -eq 0 ]] || fail "something was written"
expect_exit 0 "$HOLDFAST" copy "${good[@]}" --quiet
[[ $(wc -l < "$WORK/out") -eq 1 ]] || fail "--quiet prints more than the verdict"
expect_says '^STEADY: '
