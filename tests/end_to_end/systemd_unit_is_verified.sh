# The systemd unit, with this build's programs in it, has nothing that systemd-analyze complains of, and
# what it is shut off from is not opened again unnoticed.
. "$(dirname "$0")/lib.sh"
need systemd-analyze
unit="$WORK/holdfastd.service"
echo "Target $IQN" > "$WORK/ietd.conf"
sed -e "s|/usr/local/sbin/holdfastadm|${HOLDFASTADM:?}|" -e "s|/usr/local/sbin/holdfastd|$HOLDFASTD|" \
  -e "s|/etc/holdfast/ietd.conf|$WORK/ietd.conf|g" "$(dirname "$0")/../../conf/holdfastd.service" > "$unit"
systemd-analyze --version > "$WORK/out" 2>&1 || skip "systemd-analyze does not run here"
systemd-analyze verify --man=no "$unit" > "$WORK/out" 2>&1 ||
  { grep -qiE 'failed to (initialize|set up) manager|operation not permitted' "$WORK/out" && skip "$(head -n 1 "$WORK/out")"; } ||
  fail "$(cat "$WORK/out")"
! grep -F holdfastd.service "$WORK/out" || fail "systemd-analyze complains of it"

say "a canary: a misspelt line is complained of"
sed 's/^ProtectClock=/ProtectClok=/' "$unit" > "$WORK/canary.service"
systemd-analyze verify --man=no "$WORK/canary.service" > "$WORK/out" 2>&1 || true
expect_says "ProtectClok"

say "its exposure"
systemd-analyze security --offline=yes "$unit" > "$WORK/out" 2>&1 || skip "this systemd-analyze judges no files"
tail -n 1 "$WORK/out"
exposure="$(sed -n 's/.*Overall exposure level for [^:]*: \([0-9]*\)\.[0-9].*/\1/p' "$WORK/out")"
[[ -n "$exposure" && "$exposure" -lt 4 ]] || fail "exposed more than it was: $(tail -n 1 "$WORK/out")"
