# The page of a real run, of a comparison and of a hang: its charts draw, it complains of nothing, asks
# the network for nothing, and what files are called is text in it.
. "$(dirname "$0")/lib.sh"
need python3
command -v chromium > /dev/null || skip "no chromium: apt install chromium"

mkdir "$WORK/source"
for i in {1..300}; do head -c $((i * 400)) /dev/urandom > "$WORK/source/file $i"; done
truncate -s 256M "$WORK/image"
expect_exit 0 "$HOLDFAST" copy "$WORK/source" "file://$WORK/image" --verify --stall 10s --hang 20s \
  --json "$WORK/run.json" --html "$WORK/run.html"

say "a saved record makes the same page"
expect_exit 0 "$HOLDFAST" report "$WORK/run.json" --html "$WORK/again.html"
# The record has microseconds, so a last digit may differ.
cmp <(tr -d 0-9. < "$WORK/run.html") <(tr -d 0-9. < "$WORK/again.html") || fail "the pages differ"

here="$(cd "$(dirname "$0")" && pwd)"
python3 -B "$here/page_records.py" "$WORK/run.json" "$WORK/compare.json" "$WORK/hung.json"
expect_exit 0 "$HOLDFAST" report "$WORK/compare.json" --html "$WORK/compare.html"
expect_exit 0 "$HOLDFAST" report "$WORK/hung.json" --html "$WORK/hung.html"

say "in a browser"
python3 -B "$here/page_draws_its_charts.py" "$WORK/run.html" "$WORK/compare.html" "$WORK/hung.html" || fail "see above"
