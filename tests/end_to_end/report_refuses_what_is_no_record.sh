# `holdfast report` with what is no record: one line, exit 2, and no page.
. "$(dirname "$0")/lib.sh"
need python3

# refused FILE PATTERN: one line that names the file and says why.
refused() {
  rm -f "$WORK/page.html"
  LIMIT=60 expect_exit 2 "$HOLDFAST" report "$1" --html "$WORK/page.html"
  [[ $(wc -l < "$WORK/out") -eq 1 ]] || fail "not one line: $(head -c 2000 "$WORK/out")"
  [[ $(wc -c < "$WORK/out") -lt 1000 ]] || fail "a long line: $(head -c 2000 "$WORK/out")"
  expect_says "^holdfast: .*$2"
  [[ ! -e "$WORK/page.html" ]] || fail "a page was written"
}

mkdir "$WORK/source"
echo text > "$WORK/source/file"
truncate -s 64M "$WORK/image"
expect_exit 0 "$HOLDFAST" copy "$WORK/source" "file://$WORK/image" --json "$WORK/run.json"
cd "$WORK"

refused missing.json 'missing.json.*No such file'
refused source 'source.*directory'
: > empty.json
refused empty.json 'empty.json.*record'
head -c 100000 /dev/urandom > noise.json
refused noise.json 'noise.json.*record'
head -c "$(($(stat -c %s run.json) / 2))" run.json > half.json
refused half.json 'half.json.*record'
echo '{"schema": "other/7"}' > other.json
refused other.json 'other/7'
echo '[1, 2]' > list.json
refused list.json 'list.json.*record'
python3 - <<'PYTHON'
import json
run = json.load(open("run.json"))
run["totals"]["files"] = "many"
json.dump(run, open("types.json", "w"))
run["totals"]["files"] = 1
run["timeline"][0]["at_s"] = 1e300
run["totals"]["seconds"] = -1e300
run["events"] = [{"kind": "stall", "at_s": 1e308, "lasted_s": 1e308}]
json.dump(run, open("huge_numbers.json", "w"))
open("deep.json", "w").write("[" * 200000)
PYTHON
refused types.json 'types.json.*record'
refused deep.json 'deep.json.*record'
truncate -s 1025M larger.json
refused larger.json 'larger.json.*larger'

say "numbers beyond all reason are a page all the same"
expect_exit 0 "$HOLDFAST" report huge_numbers.json --html page.html
expect_exit 0 "$HOLDFAST" report huge_numbers.json

say "a page that cannot be written is said"
expect_exit 2 "$HOLDFAST" report run.json --html "$WORK/nowhere/page.html"
expect_says 'nowhere/page.html: No such file'
expect_exit 2 "$HOLDFAST" copy source "file://$WORK/image" --html "$WORK/source"
expect_says 'it is a directory'
