# The /etc/iet of an old machine (etc_iet), unchanged but for where its disks lie: every directive in it has
# its effect on the wire, told by a test of its own in iet_directives.py. Where that can be tried, it lies in
# /etc/iet itself and nothing names it.
. "$(dirname "$0")/lib.sh"
here="$(dirname "$0")"
mkdir "$WORK/iet" "$WORK/store"
truncate -s 64M "$WORK/store/"{wt,wb,ro,safe,allowed,denied,elsewhere}.img
umask 077
for file in ietd.conf initiators.allow initiators.deny targets.allow; do
  sed "s#STORE#$WORK/store#" "$here/etc_iet/$file" > "$WORK/iet/$file"
done
expect_exit 0 "$HOLDFASTD" --check -c "$WORK/iet/ietd.conf"
cat "$WORK/out"
CONFIG="$WORK/iet/ietd.conf"
start_holdfastd
expect_exit 0 python3 "$here/iet_directives.py" "$PORTAL" "$WORK/store" "$WORK/holdfastd.log"
cat "$WORK/out"
stop_holdfastd

say "in /etc/iet"
[[ $EUID -eq 0 ]] && unshare --mount true 2> /dev/null || skip "no mount namespace of one's own here"
mkdir -p "$WORK/upper/iet" "$WORK/work"
cp "$WORK/iet/"* "$WORK/upper/iet"
cat > "$WORK/in_etc" <<SCRIPT
mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work && cp -a "$WORK/upper/iet" /mnt/upper/ || exit 77
mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work /etc || exit 77
exec "$HOLDFASTD" --check
SCRIPT
got=0
unshare --mount bash "$WORK/in_etc" > "$WORK/out" 2>&1 || got=$?
cat "$WORK/out"
[[ $got -ne 77 ]] || skip "no overlay over /etc here"
[[ $got -eq 0 ]] || fail "holdfastd --check ended with $got"
expect_says '/etc/iet/ietd.conf'
