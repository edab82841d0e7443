# Faults (rows) by blame (columns): each made to happen at random moments under a load, over iSCSI against
# holdfastd and against tgt, over NBD and over NFS. A blame that names the wrong part is a failure; `unknown`
# is honest, but may not be the answer more often than 1 time in 20.
#
# HOLDFAST_BLAME_RUNS=20 makes 20 runs of each row (1), HOLDFAST_BLAME_AT_ONCE=4 so many rows at once (3),
# HOLDFAST_BLAME_ROWS='iscsi:cut_in nbd:stopped' these rows alone.
. "$(dirname "$0")/lib.sh"
need_root "network namespaces and frozen filesystems"
runs="${HOLDFAST_BLAME_RUNS:-1}"
at_once="${HOLDFAST_BLAME_AT_ONCE:-3}"
rows=(iscsi:{cut_out,cut_in,cut_both,neighbour,long_frames,stopped,killed,backend,not_reading,starved}
  tgt:{cut_both,stopped,killed,backend,starved} nbd:{cut_both,stopped,killed,backend,starved}
  nfs:{cut_both,stopped,killed,backend,starved})
read -ra rows <<< "${HOLDFAST_BLAME_ROWS:-${rows[*]}}"
results="$WORK/results"
: > "$results"

say "${#rows[@]} rows of $runs runs each, $at_once at once"
printf '%s\n' "${rows[@]}" | sed 's/:/ /' | TMPDIR="$WORK" xargs -P "$at_once" -L 1 \
  bash -c 'bash "$0" "$3" "$4" "$1" "$2" > "$2.$3.$4.out" 2>&1; code=$?
    if [[ $code -eq 77 ]]; then echo "$3 $4 skipped $(tail -n 1 "$2.$3.$4.out")" >> "$2"; elif [[ $code -ne 0 ]]; then
    echo "$3 $4 broken"; tail -n 30 "$2.$3.$4.out"; exit 1; fi' \
  "$(dirname "$0")/blame_matrix_row.sh" "$runs" "$results" || fail "a row could not be run"
python3 "$(dirname "$0")/blame_matrix.py" "$results" "$runs" || fail "the blame is wrong, or unknown too often"
