# Paths that are missing, folders, too small, or served twice for writing: named, exit code 2. An
# address in use is named too.
. "$(dirname "$0")/lib.sh"
truncate -s 64M "$WORK/image"
truncate -s 100 "$WORK/tiny"
mkdir "$WORK/folder"
refused() {  # refused PATTERN: $CONFIG is refused, naming line and reason
  expect_exit 2 "$HOLDFASTD" -f -c "$CONFIG" -a 127.0.0.1 -p 0
  expect_says "holdfastd\.conf:[0-9]+: .*$1"
  expect_exit 2 "$HOLDFASTD" --check -c "$CONFIG"
  expect_says "holdfastd\.conf:[0-9]+: .*$1"
}
for path in missing folder tiny; do
  one_lun "$WORK/$path"
  refused "$path"
done
one_lun "$WORK/image"
ln -s image "$WORK/also"
echo "    Lun 1 Path=$WORK/also,Type=fileio" >> "$CONFIG"
refused 'also, which is .*image, is served already'

one_lun "$WORK/image"
start_holdfastd
port="${PORTAL##*:}"
truncate -s 64M "$WORK/other"
one_lun "$WORK/other"
LIMIT=30 expect_exit 3 "$HOLDFASTD" -f -c "$CONFIG" -a 127.0.0.1 -p "$port"
expect_says "127\.0\.0\.1:$port"
stop_holdfastd
