# Sourced by every bench: the processes of the end-to-end tests, and how long to measure.
. "$(dirname "${BASH_SOURCE[0]}")/../end_to_end/lib.sh"

# usually THOROUGH QUICK: QUICK where HOLDFAST_QUICK is set and a bench has but to show that it measures.
usually() { if [[ -n "${HOLDFAST_QUICK-}" ]]; then echo "$2"; else echo "$1"; fi; }
