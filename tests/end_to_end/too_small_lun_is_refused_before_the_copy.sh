# A LUN too small for the tree: said with both sizes before a byte is written.
. "$(dirname "$0")/lib.sh"
make_big_tree "$WORK/tree" 48
truncate -s 32M "$WORK/image"
one_lun "$WORK/image"
start_holdfastd
expect_exit 2 "$HOLDFAST" copy "$WORK/tree" "$URL"
expect_says '[0-9.]+ ?[KMG]i?B.*[0-9.]+ ?[KMG]i?B'
[[ $(allocated_mib "$WORK/image") -eq 0 ]] || fail "something was written"
expect_exit 2 "$HOLDFAST" copy "$WORK/no such tree" "$URL"
expect_says 'no such tree'
expect_exit 3 "$HOLDFAST" copy "$WORK/tree" "iscsi://127.0.0.1:$(free_port)/$IQN/0"
expect_exit 3 "$HOLDFAST" copy "$WORK/tree" "iscsi://$PORTAL/iqn.2026-11.example.nobody:none/0"
expect_exit 2 "$HOLDFAST" copy "$WORK/tree" "gopher://nowhere"
stop_holdfastd
