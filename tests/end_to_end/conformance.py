#!/usr/bin/env python3
"""conformance.py OUTPUT [SUITE...]: the verbose output of iscsi-test-cu as a table, one row a suite.

A test that prints [SKIPPED] counts as skipped, although the suite calls it passed. Exit code 1 if
a suite of the base set failed or did not run, or if the output does not end with the summary. With
suites named, they must have run, and every test of them passed with none skipped."""

import re
import sys

# What a disk must get right, alone and shared.
BASE_SET = ["ReadCapacity10", "ReadCapacity16", "Read6", "Read10", "Read12", "Read16", "Write10",
            "Write12", "Write16", "TestUnitReady", "Mandatory", "Inquiry", "iSCSIResiduals",
            "iSCSIcmdsn", "iSCSIdatasn", "iSCSITMF", "PrinReadKeys", "PrinServiceactionRange",
            "PrinReportCapabilities", "ProutRegister", "ProutReserve", "ProutClear", "ProutPreempt",
            "Reserve6", "MultipathIO"]
IF_THERE = ["ReportLUNs"]  # not in libiscsi 1.19's tool


def tests(output):
    """(suite, test, outcome, words) for each test that ran."""
    for part in re.split(r"^Suite: ", output, flags=re.M)[1:]:
        suite = part.split("\n", 1)[0].strip()
        for test in re.split(r"^  Test: ", part, flags=re.M)[1:]:
            name, words = re.match(r"(.*?) \.\.\.(.*)", test, re.S).groups()
            # What follows the verdict is the suite's own tidying up.
            verdict = re.search(r"^(passed|FAILED)", "\n" + words, re.M)
            if verdict is None:
                outcome = "cut off"
            elif verdict.group(1) == "FAILED":
                outcome = "failed"
            elif "[SKIPPED]" in ("\n" + words)[:verdict.start()]:
                outcome = "skipped"
            else:
                outcome = "passed"
            yield suite, name, outcome, words


def main():
    output = open(sys.argv[1], errors="replace").read().split("\nRun Summary:", 1)
    counts, failures = {}, []
    for suite, name, outcome, words in tests(output[0]):
        row = counts.setdefault(suite, {"passed": 0, "failed": 0, "skipped": 0, "cut off": 0})
        row[outcome] += 1
        if outcome in ("failed", "cut off"):
            line = f"{suite}.{name} {outcome}: " + " ".join(words.split())[:300]
            if line not in failures:  # the same test runs in several families
                failures.append(line)
    print("| suite | passed | failed | skipped |\n| --- | --- | --- | --- |")
    for suite, row in sorted(counts.items(), key=lambda item: (item[0] not in BASE_SET, item[0])):
        mark = "**" if suite in BASE_SET else ""
        print(f"| {mark}{suite}{mark} | {row['passed']} | {row['failed'] + row['cut off']} "
              f"| {row['skipped']} |")
    totals = {key: sum(row[key] for row in counts.values()) for key in ("passed", "failed", "skipped")}
    print(f"| all {sum(totals.values())} | {totals['passed']} | {totals['failed']} "
          f"| {totals['skipped']} |")
    for failure in failures:
        print(failure)
    wrong = []
    for suite in sys.argv[2:]:
        row = counts.get(suite, {"passed": 0})
        if not row["passed"] or row["passed"] != sum(row.values()):
            wrong.append(f"every test of {suite} must pass: {row}")
    for suite in [] if sys.argv[2:] else BASE_SET + IF_THERE:
        row = counts.get(suite)
        if row is None and suite in IF_THERE:
            continue
        if row is None:
            wrong.append(f"{suite} did not run")
        elif row["failed"] or row["cut off"] or not row["passed"]:
            wrong.append(f"{suite} must pass")
    if len(output) == 1:
        wrong.append("the run was cut off: it has no summary")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
