# initiators.allow, initiators.deny and targets.allow, edited while the daemon runs: who is refused sees no
# target, neither by discovery nor by name, and the log says which line did it.
. "$(dirname "$0")/lib.sh"
need iscsi-ls iscsi-inq
truncate -s 64M "$WORK/image"
CONFIG="$WORK/holdfastd.conf"
cat > "$CONFIG" <<CONF
Target $IQN
    Lun 0 Path=$WORK/image,Type=fileio,IOMode=wb
Target $IQN.other
    Lun 0 Type=nullio,Blocks=131072
CONF
start_holdfastd

sees() {  # sees NAME TARGET...: what discovery shows to the initiator NAME
  local name="$1"
  shift
  iscsi-ls -i "$name" "iscsi://$PORTAL" > "$WORK/out" 2>&1 || true
  sed -n 's/^Target:\([^ ]*\).*/\1/p' "$WORK/out" | sort > "$WORK/seen"
  [[ "$(cat "$WORK/seen")" == "$(printf '%s\n' "$@" | sort)" ]] || fail "$name sees '$(cat "$WORK/seen")', not '$*'"
}
gets_in() { iscsi-inq -i "$1" "iscsi://$PORTAL/$2/0" > "$WORK/out" 2>&1; }

alice=iqn.2026-11.example.alice:1 bob=iqn.2026-11.example.bob:1
sees "$alice" "$IQN" "$IQN.other"

say "allowed by name"
printf '# ours\n%s iqn.2026-11.example.alice:.*\nALL ALL\n' "$IQN" > "$WORK/initiators.allow"
sees "$alice" "$IQN" "$IQN.other"
sees "$bob" "$IQN.other"
gets_in "$alice" "$IQN" || fail "alice is kept out"
if gets_in "$bob" "$IQN"; then fail "bob is let in"; fi
expect_says 'Target not found|not found' "$WORK/out"
expect_says 'initiators\.allow:2 does not name it' "$WORK/holdfastd.log"

say "denied by address, allowed by name"
printf 'ALL 127.0.0.0/8\n' > "$WORK/initiators.deny"
printf 'ALL %s\n' "$bob" > "$WORK/initiators.allow"
gets_in "$bob" "$IQN" || fail "bob is kept out, though allowed"
if gets_in "$alice" "$IQN"; then fail "alice is let in, though denied"; fi
rm "$WORK/initiators.allow" "$WORK/initiators.deny"

say "portals"
printf '%s 192.0.2.1\n' "$IQN" > "$WORK/targets.allow"
sees "$alice" ""
printf '%s 127.0.0.1\nALL [::1]\n' "$IQN" > "$WORK/targets.allow"
sees "$alice" "$IQN"
rm "$WORK/targets.allow"
sees "$alice" "$IQN" "$IQN.other"
stop_holdfastd

say "a mistake in a list is found before the start"
printf 'ALL 127.0.0.1/33\n' > "$WORK/initiators.allow"
expect_exit 2 "$HOLDFASTD" --check -c "$CONFIG"
expect_says 'initiators\.allow:1: error: '
