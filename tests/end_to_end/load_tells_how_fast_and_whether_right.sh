# Loads on a file and over iSCSI on one and several sessions: the record has the figures, what was
# written is verified in a new session, and what cannot be done is refused with a word on why.
. "$(dirname "$0")/lib.sh"
truncate -s 64M "$WORK/image"
file="file://$WORK/image"

expect_exit 0 "$HOLDFAST" load --help
expect_says 'DESTROYS'
expect_exit 2 "$HOLDFAST" load "$file" --rw rubbish
expect_says "'rubbish' is none of read, write"
expect_exit 2 "$HOLDFAST" load "$file" --block 4kb
expect_says "'4kb' is no size"
expect_exit 2 "$HOLDFAST" load "$file" --block 1000
expect_says 'no multiple of 512'
expect_exit 2 "$HOLDFAST" load "$file" --time 5
expect_says 'it has no unit'
expect_exit 2 "$HOLDFAST" load "$file" --depth 0
expect_exit 2 "$HOLDFAST" load "$file" --mix 50
expect_says 'randrw'
expect_exit 2 "$HOLDFAST" load "$file" --sessions 2
expect_says 'raise --depth'
expect_exit 2 "$HOLDFAST" load "$file" --size 65m --time 1s
expect_says 'the device has'
[[ $(allocated_mib "$WORK/image") -eq 0 ]] || fail "something was written"

expect_exit 0 "$HOLDFAST" load "$file" --time 1s --json "$WORK/run.json"
expect_says '^STEADY: .* IOPS'
[[ $(allocated_mib "$WORK/image") -eq 0 ]] || fail "a load that reads wrote something"
expect_json "$WORK/run.json" 'run["workload"]["kind"] == "load" and run["load"]["rw"] == "randread"'
expect_json "$WORK/run.json" 'run["load"]["iops"] > 10 and run["load"]["writes"]["operations"] == 0'
expect_json "$WORK/run.json" 'run["load"]["reads"]["latency_us"]["count"] == run["load"]["operations"]'
expect_json "$WORK/run.json" '0 < run["load"]["generator_share"] <= 1.5'

for rw in write randwrite randrw; do
  expect_exit 0 "$HOLDFAST" load "$file" --rw "$rw" --block 16k --depth 8 --time 1s --verify --json "$WORK/run.json"
  expect_json "$WORK/run.json" 'run["load"]["read_back"] and run["load"]["read_back_blocks"] > 10'
  expect_json "$WORK/run.json" 'run["workload"]["mismatches"] == 0'
done

one_lun "$WORK/image" IOMode=wb
start_holdfastd
expect_exit 0 "$HOLDFAST" load "$URL" --rw randrw --sessions 3 --depth 8 --size 4m --time 2s --verify \
  --json "$WORK/run.json"
expect_says '3 sessions of depth 8, the first 4.0 MiB'
expect_says '^  agreed on    .*FirstBurstLength=[0-9]+.* congestion_control=[a-z]'
expect_json "$WORK/run.json" 'run["load"]["read_back_blocks"] > 100 and run["load"]["checked_blocks"] > 100'
expect_json "$WORK/run.json" 'run["totals"]["wire"]["requests"] >= run["load"]["operations"]'
expect_exit 0 "$HOLDFAST" load "$URL" --rw randread --poll-us 20 --rate 200 --time 2s --json "$WORK/run.json"
expect_json "$WORK/run.json" 'run["load"]["operations"] + run["load"]["never_sent"] == 400'
expect_json "$WORK/run.json" 'run["load"]["reads"]["service_us"]["count"] == run["load"]["operations"]'
expect_says '^  this tool    .* polling for 20 us before it sleeps'
# What an earlier load left is judged by a later one that only reads.
expect_exit 0 "$HOLDFAST" load "$URL" --rw write --size 4m --block 64k --time 1s --verify
expect_exit 0 "$HOLDFAST" load "$URL" --rw read --size 4m --time 1s --verify --json "$WORK/run.json"
expect_json "$WORK/run.json" 'run["load"]["checked_blocks"] > 100 and run["load"]["unlabelled_blocks"] == 0'
stop_holdfastd

one_lun "$WORK/image" IOMode=ro
start_holdfastd
expect_exit 3 "$HOLDFAST" load "$URL" --rw write --time 1s
expect_says 'is read-only'
expect_exit 0 "$HOLDFAST" load "$URL" --time 1s --quiet
[[ $(wc -l < "$WORK/out") -eq 1 ]] || fail "--quiet prints more than the verdict"
stop_holdfastd
