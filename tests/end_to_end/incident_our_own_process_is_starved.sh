# "The storage stalls whenever the nightly job runs": it is our own processor that somebody else has.
# Whatever the tool says then, it must not be that the peer did it.
. "$(dirname "$0")/incident.sh"
need_root "real-time priorities"
need chrt taskset
[[ $(nproc) -ge 2 ]] || skip "needs two processors"
chrt -f 50 true 2> /dev/null || skip "no real-time priorities here"
truncate -s 64M "$WORK/image"
one_lun "$WORK/image"
start_holdfastd
taskset -acp 0 "$DAEMON" > "$WORK/taskset.out"
begin_load --rw randrw --block 16k --depth 8 --time 8s --stall 400ms --hang 30s
taskset -acp 1 "$LOAD" > "$WORK/taskset.out"
sleep 2
# A real-time thread leaves the others 5 % of each second at most; so a pause is near a second long.
# It looks at the clock itself: nothing else could end it there.
start hog chrt -f 50 taskset -c 1 bash -c 'while ((SECONDS < 4)); do :; done'
got=0
wait_until 60 eval "! is_alive $LOAD" || fail "the load still runs"
wait "$LOAD" || got=$?
[[ $got -eq 0 || $got -eq 1 ]] || fail "the load ended with $got"
expect_json "$WORK/run.json" 'any(e["kind"] in ("local_pause", "stall") for e in run["events"])'
expect_json "$WORK/run.json" 'all(e["blame"] in ("local", "unknown") for e in run["events"] if e["kind"] in ("stall", "hang", "local_pause"))'
expect_blame local
stop_holdfastd
