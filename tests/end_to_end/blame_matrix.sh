# Faults (rows) by blame (columns): each made to happen at random moments under a load, over iSCSI against
# holdfastd, with our engine and (in more than one run) with libiscsi, against tgt, over NBD and over NFS. A
# blame that names the wrong part is a failure; `unknown` is honest, but may not be the answer more often than
# 1 time in 20. A run in which this machine did not let the tool itself run (blame `local`, by its own word and
# the kernel's) shows nothing about the peer: it is void, counted as that, and made again.
#
# HOLDFAST_BLAME_RUNS=20 makes 20 runs of each row (1), HOLDFAST_BLAME_AT_ONCE=4 so many rows at once (3, or 5
# where each has one run), HOLDFAST_BLAME_ROWS='iscsi:cut_in nbd:stopped' these rows
# alone, HOLDFAST_BLAME_KEEP=FILE keeps every run's line, and HOLDFAST_BLAME_RATE=200 makes the load so many
# operations a second, for a machine that has others to serve.
. "$(dirname "$0")/lib.sh"
need_root "network namespaces and frozen filesystems"
runs="${HOLDFAST_BLAME_RUNS:-1}"
at_once="${HOLDFAST_BLAME_AT_ONCE:-$((runs > 1 ? 3 : 5))}"
rows=(iscsi:{cut_out,cut_in,cut_both,neighbour,long_frames,stopped,killed,backend,not_reading,starved}
  tgt:{cut_both,stopped,killed,backend,starved} nbd:{cut_both,stopped,killed,backend,starved}
  nfs:{cut_both,stopped,killed,backend,starved})
# The other engine is judged by the same kernel's word; where there is time it is tried all the same.
[[ $runs -eq 1 ]] || rows+=(libiscsi:{cut_out,cut_in,cut_both,neighbour,long_frames,stopped,killed,backend,not_reading,starved})
read -ra rows <<< "${HOLDFAST_BLAME_ROWS:-${rows[*]}}"
results="$WORK/results"
: > "$results"

say "${#rows[@]} rows of $runs runs each, $at_once at once"
broken=""
printf '%s\n' "${rows[@]}" | sed 's/:/ /' | TMPDIR="$WORK" xargs -P "$at_once" -L 1 \
  bash -c 'bash "$0" "$3" "$4" "$1" "$2" > "$2.$3.$4.out" 2>&1; code=$?
    if [[ $code -eq 77 ]]; then echo "$3 $4 skipped $(tail -n 1 "$2.$3.$4.out")" >> "$2"; elif [[ $code -ne 0 ]]; then
    echo "$3 $4 broken"; tail -n 30 "$2.$3.$4.out"; exit 1; fi' \
  "$(dirname "$0")/blame_matrix_row.sh" "$runs" "$results" || broken=yes
[[ -z "${HOLDFAST_BLAME_KEEP-}" ]] || cp "$results" "$HOLDFAST_BLAME_KEEP"
python3 "$(dirname "$0")/blame_matrix.py" "$results" "$runs" || fail "the blame is wrong, or unknown too often"
[[ -z "$broken" ]] || fail "a row could not be run"
