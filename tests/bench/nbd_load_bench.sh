# How many operations a second `holdfast load nbd://` gets, against fio's nbd engine on the same
# nbdkit, at the same depth and block size. What is compared takes turns (A B B A), and medians are
# compared, so that a machine's moods hit both sides alike. The goal is 90 % of fio; it is reported and
# never fails: a busy machine must not decide whether a change is right.
#
#   NBD_BENCH_ROUNDS=N    turns of A B B A (2)
#   NBD_BENCH_SECONDS=N   of each measurement (3)
. "$(dirname "$0")/bench.sh"
need nbdkit fio
fio --enghelp 2> /dev/null | grep -qw nbd || skip "this fio has no nbd engine"
rounds="${NBD_BENCH_ROUNDS:-$(usually 2 1)}"
seconds="${NBD_BENCH_SECONDS:-$(usually 3 1)}"
port="$(free_port)"
start nbdkit nbdkit -f -i 127.0.0.1 -p "$port" memory 256M
wait_until 10 eval "(exec 3<> /dev/tcp/127.0.0.1/$port) 2> /dev/null" || fail "nbdkit does not start"
uri="nbd://127.0.0.1:$port/"
say "$(nbdkit --version), $(fio --version), memory plugin, one export of 256 MiB on loopback"

# Each prints: operations a second, and the share of a processor that the generator took. Each has one
# connection.
with_fio() {
  fio --name=load --ioengine=nbd --uri="$uri" --rw="$1" --bs="$2" --iodepth="$3" --runtime="$seconds" \
    --time_based --size=256M --norandommap --randrepeat=0 --output-format=json \
    --output="$WORK/fio.json" > /dev/null 2> "$WORK/fio.log" || fail "fio: $(cat "$WORK/fio.log")"
  python3 - "$WORK/fio.json" <<'PYTHON' >> "$WORK/$4.fio"
import json, sys
text = open(sys.argv[1]).read()
job = json.loads(text[text.index("{"):])["jobs"][0]
print(job["read"]["iops"] + job["write"]["iops"], (job["usr_cpu"] + job["sys_cpu"]) / 100)
PYTHON
}
with_holdfast() {
  expect_exit 0 "$HOLDFAST" load "$uri?connections=1" --rw "$1" --block "$2" --depth "$3" --time "${seconds}s" \
    --stall 10s --hang 20s --quiet --json "$WORK/run.json"
  python3 - "$WORK/run.json" <<'PYTHON' >> "$WORK/$4.holdfast"
import json, sys
load = json.load(open(sys.argv[1]))["load"]
print(load["iops"], load["generator_share"])
PYTHON
}

column() { sort -n -k "$2" "$WORK/$1" | awk -v c="$2" '{ v[NR] = $c } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

# compare RW BLOCK DEPTH
compare() {
  local name="$1.$2" round
  for ((round = 0; round < rounds; round++)); do
    with_fio "$@" "$name"
    with_holdfast "$@" "$name"
    with_holdfast "$@" "$name"
    with_fio "$@" "$name"
  done
  say "$1 $2, depth $3: $(awk -v a="$(column "$name.fio" 1)" -v b="$(column "$name.holdfast" 1)" \
    -v ca="$(column "$name.fio" 2)" -v cb="$(column "$name.holdfast" 2)" 'BEGIN {
    printf "%.2f times fio (goal 0.90, %s): %d IOPS against %d; of a processor %.0f %% against %.0f %%",
      b / a, b / a < 0.9 ? "MISSED" : "met", b, a, cb * 100, ca * 100 }')"
}

compare randread 4k 32
compare randread 64k 32
compare randwrite 4k 32
