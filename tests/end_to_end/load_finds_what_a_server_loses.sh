# An NBD server that acknowledges writes and loses one, misplaces one and tears one: a verified load
# names each with its LBA, and exits with 5.
. "$(dirname "$0")/lib.sh"
need nbdkit
nbdkit --dump-plugin eval > /dev/null 2>&1 || skip "nbdkit has no eval plugin"
port="$(free_port)"
truncate -s 1M "$WORK/medium"
# The first round of writes is right. From the second on: block 10 is lost, block 20 lands on block 50,
# beyond what the load uses, and of block 30 only the first two sectors arrive.
cat > "$WORK/pwrite" <<PWRITE
offset="\$1"
if [ -e "$WORK/written.\$offset" ]; then
  case "\$offset" in
    40960) cat > /dev/null; exit 0 ;;
    81920) offset=204800 ;;
    122880) head -c 1024 > "$WORK/half"; cat > /dev/null
            exec dd if="$WORK/half" of="$WORK/medium" oflag=seek_bytes seek="\$offset" conv=notrunc bs=64k status=none ;;
  esac
fi
case "\$1" in 40960 | 81920 | 122880) : > "$WORK/written.\$1" ;; esac
exec dd of="$WORK/medium" oflag=seek_bytes seek="\$offset" conv=notrunc bs=64k iflag=fullblock status=none
PWRITE
start nbdkit nbdkit -f -i 127.0.0.1 -p "$port" eval \
  get_size='echo 1048576' can_write='exit 0' thread_model='echo serialize_all_requests' \
  pread="dd if='$WORK/medium' iflag=skip_bytes,count_bytes,fullblock skip=\$4 count=\$3 bs=64k status=none" \
  pwrite="sh '$WORK/pwrite' \"\$4\""
wait_until 10 eval "(exec 3<> /dev/tcp/127.0.0.1/$port) 2> /dev/null" || fail "nbdkit does not start"
LIMIT=180 expect_exit 5 "$HOLDFAST" load "nbd://127.0.0.1:$port/" --rw write --size 160k --depth 2 --time 8s --verify \
  --stall 20s --hang 60s --json "$WORK/run.json"
expect_json "$WORK/run.json" 'run["load"]["writes"]["operations"] > 80'
found='{e["lba"]: e["evidence"].split(":")[0] for e in run["events"] if e["kind"] == "mismatch"}'
expect_json "$WORK/run.json" "$found == {80: 'stale', 160: 'stale', 242: 'torn'}"
