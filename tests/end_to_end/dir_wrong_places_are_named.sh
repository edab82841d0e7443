# Directories that a copy cannot go into: one line that says what is wrong, and the exit code of a
# wrong command line, before anything is written.
. "$(dirname "$0")/lib.sh"
mkdir "$WORK/tree" "$WORK/full" "$WORK/tree/inside"
echo text > "$WORK/tree/file"
echo text > "$WORK/full/already"

# is_refused DESTINATION PATTERN [CODE]
is_refused() {
  expect_exit "${3:-2}" "$HOLDFAST" copy "$WORK/tree" "$1"
  [[ $(wc -l < "$WORK/out") -eq 1 ]] || fail "not one line: $(cat "$WORK/out")"
  expect_says "^holdfast: .*$2"
}

is_refused "dir://relative" 'the path after dir:// is absolute'
is_refused "dir://$WORK/nowhere" 'nowhere does not exist'
is_refused "dir://$WORK/tree/file" 'file is not a directory'
is_refused "dir://$WORK/full" 'full is not empty \(it has already\)'
is_refused "dir://$WORK/tree/inside" 'cannot be copied into itself'
[[ "$(ls -A "$WORK/full")" == already && -z "$(ls -A "$WORK/tree/inside")" ]] || fail "something was left behind"

if [[ $EUID -eq 0 ]]; then
  mkdir "$WORK/tiny" "$WORK/read-only"
  mount -t tmpfs -o size=256k tmpfs "$WORK/tiny" 2> "$WORK/mount.log" || skip "cannot mount here: $(cat "$WORK/mount.log")"
  at_exit umount -q "$WORK/tiny"
  mount -t tmpfs -o ro tmpfs "$WORK/read-only"
  at_exit umount -q "$WORK/read-only"
  is_refused "dir://$WORK/read-only" 'read-only is read-only'
  head -c 1M /dev/urandom > "$WORK/tree/large"
  is_refused "dir://$WORK/tiny" 'tiny: that needs .* beside inodes, and it has'
  [[ -z "$(ls -A "$WORK/tiny")" ]] || fail "something was left behind"
fi
