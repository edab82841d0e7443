# A copy over NFS with --reconnect, under which the connection is cut again and again, in either manner: it goes
# on by itself, all that it wrote is there, and the record tells of each break. A server that stays away ends it.
. "$(dirname "$0")/fault.sh"
make_big_tree "$WORK/tree" 100

for version in 3 4; do
  say "version $version, cut three times"
  start_ganesha "$version"
  direct="$URL"
  port="${URL#*nfsport=}"
  port="${port%%&*}"
  start_fault "127.0.0.1:$port" --step 'after 200kB cut' --step 'after 700kB cut fin' --step 'after 1500kB in cut'
  URL="${direct/nfsport=$port/nfsport=${PROXY##*:}}"
  expect_exit 1 "$HOLDFAST" copy "$WORK/tree" "$URL" --verify --reconnect 20s --hang 60s --json "$WORK/run.json"
  stop_fault
  expect_json "$WORK/run.json" 'run["workload"]["outcome"] == "finished" and run["workload"]["problems"] == 0'
  expect_json "$WORK/run.json" '[e["kind"] for e in run["events"]].count("reconnect") == 3'
  expect_json "$WORK/run.json" 'all("sent again" in e["evidence"] for e in run["events"] if e["kind"] == "reconnect")'
  expect_json "$WORK/run.json" 'not {e["kind"] for e in run["events"]} & {"outage", "hang", "mismatch"}'
  expect_json "$WORK/run.json" 'run["totals"]["verified_bytes"] > 0 and run["workload"]["mismatches"] == 0'
  kill -KILL "$SERVER"
  rm -rf "${EXPORT:?}"/*
done

say "a server that stays away"
start_ganesha 4
start copy "$HOLDFAST" copy "$WORK/tree" "$URL" --reconnect 1s --json "$WORK/run.json"
copy="$PID"
wait_for_files "$EXPORT" 20
kill -KILL "$SERVER"
expect_exit_of "$copy" 4 20 "the copy"
# While the server dies, one more connection may get as far as its backlog.
expect_json "$WORK/run.json" '[e["kind"] for e in run["events"] if e["kind"] in ("outage", "reconnect")][-1] == "outage"'
expect_json "$WORK/run.json" '[e["kind"] for e in run["events"]].count("outage") == 1'
expect_json "$WORK/run.json" 'any("not back within 1.0 s" in e["evidence"] for e in run["events"])'
