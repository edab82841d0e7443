#!/usr/bin/env python3
"""Prints what blame_matrix.sh found as a table, and judges it.

usage: blame_matrix.py RESULTS RUNS
Exit code: 0 the blame is right at least 95 times in 100 and never wrong, 1 it is not."""

import collections
import sys

BLAMES = ["local", "network_out", "network_in", "network", "peer_process", "backend", "window_closed",
          "closed_by_peer", "unknown", "nothing"]

# What may be said of each fault. `network` is less than the direction, and never wrong where packets are
# lost: which direction it is cannot always be told from one end. A stopped process closes its window, and
# a peer that reads nothing is a process that does nothing.
RIGHT = {
    "cut_out": {"network_out", "network"},
    "cut_in": {"network_in", "network"},
    "cut_both": {"network"},
    "neighbour": {"network_out", "network"},
    "long_frames": {"network_out", "network"},
    "stopped": {"peer_process", "window_closed"},
    "killed": {"closed_by_peer"},
    "backend": {"backend"},
    "not_reading": {"window_closed", "peer_process"},
    "starved": {"local"},
}
HONEST = {"unknown", "nothing"}
VOID = "void"  # this machine itself did not run


def main():
    rows = collections.defaultdict(collections.Counter)
    skipped = {}
    wrong = []
    void = 0
    for line in open(sys.argv[1], encoding="utf-8"):
        transport, fault, blame, *rest = line.split(maxsplit=5)
        if blame == "skipped":
            skipped[(transport, fault)] = " ".join(rest)
            continue
        if blame == VOID:
            void += 1
            continue
        rows[(transport, fault)][blame] += 1
        if blame not in RIGHT[fault] | HONEST:
            wrong.append(line.strip())
    print(f"{'':24}" + "".join(f"{name[:14]:>15}" for name in BLAMES))
    right = total = 0
    for (transport, fault), counts in rows.items():
        print(f"{transport + ' ' + fault:24}" + "".join(f"{counts[name] or '.':>15}" for name in BLAMES))
        right += sum(counts[name] for name in RIGHT[fault])
        total += counts.total()
    for (transport, fault), why in skipped.items():
        print(f"{transport + ' ' + fault:24}   {why}")
    print(f"right: {right} of {total}; wrong with certainty: {len(wrong)}; void, since this machine "
          f"itself was too busy: {void}")
    for line in wrong:
        print(f"  wrong: {line}")
    few = int(sys.argv[2]) < 20
    # In few runs one that is not known weighs much.
    enough = right >= 0.95 * total or (few and total - right <= max(1, total // 10))
    return 0 if enough and not wrong and total > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
