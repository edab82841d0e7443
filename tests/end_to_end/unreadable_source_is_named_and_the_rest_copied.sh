# A file that cannot be read is named, everything else is copied, and the exit code is not 0.
. "$(dirname "$0")/lib.sh"
mkdir "$WORK/tree"
for i in {1..20}; do echo "file $i" > "$WORK/tree/file$i"; done
echo secret > "$WORK/tree/locked"
chmod 000 "$WORK/tree/locked"
truncate -s 128M "$WORK/image"
# Root reads everything, so someone else makes the copy.
as=()
if [[ $EUID -eq 0 ]]; then
  need setpriv
  chown -R 65534:65534 "$WORK/tree" "$WORK/image"
  chmod 755 "$WORK"
  as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
got=0
"${as[@]}" "$HOLDFAST" copy "$WORK/tree" "file://$WORK/image" > "$WORK/out" 2>&1 < /dev/null || got=$?
cp "$WORK/out" "$WORK/run.log"
[[ $got -ne 0 && $got -lt 99 ]] || fail "exit code $got"
expect_says 'locked'
expect_exit 0 e2fsck -fn "$WORK/image"
for i in 1 20; do
  expect_exit 0 debugfs -R "cat /file$i" "$WORK/image"
  expect_says "^file $i\$"
done
