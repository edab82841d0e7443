#!/usr/bin/env python3
"""conformance.py TARGET=FOLDER... | conformance.py OUTPUT SUITE...

The verbose outputs of iscsi-test-cu as a table in Markdown, one row a suite. A test that prints
[SKIPPED] counts as skipped, although the tool calls it passed; a test that ran in several families
counts once, by the worst that it came to.

A FOLDER has one NAME.log for each run, and NAME says what counts of it: a test (`Suite.Test`), a
suite, or `all` and a family for what no other run is about. Exit code 1 if the first target failed anything, did
not run a test that another one ran, or skipped one that is not among EXPECTED_SKIPS.

With an OUTPUT and suites, every test of these must have passed, with none skipped."""

import glob
import os
import re
import sys

# What holdfastd may skip, and why.
NO_CRYPTO_ERASE = "CRYPTO ERASE is not there: no key of ours encrypts a medium"
EXPECTED_SKIPS = {
    "Sanitize.CryptoErase": NO_CRYPTO_ERASE,
    "Sanitize.CryptoEraseReserved": NO_CRYPTO_ERASE,
    "Sanitize.Readonly": "its part about CRYPTO ERASE; the others pass",
    "Sanitize.Reservations": "its part about CRYPTO ERASE; the others pass",
    # SBC-3 5.43: with LBPRZ=1, only blocks that are to be zeros can be had by unmapping.
    "WriteSame10.UnmapUntilEnd":
        "it asks for blocks of FFh to be unmapped and expects zeros; what is asked for is written",
}
WORST_FIRST = ["cut off", "failed", "skipped", "passed"]


class Test:
    def __init__(self, outcome, words):
        self.outcome, self.words = outcome, words

    def why_skipped(self):
        reasons = re.findall(r"\[SKIPPED\] *(.*)", self.words)
        return reasons[0].strip().removesuffix(" Skipping test") if reasons else ""


def tests(path):
    """{Suite.Test: Test} of one output, and whether it came to its end."""
    output, *summary = open(path, errors="replace").read().split("\nRun Summary:", 1)
    found = {}
    for part in re.split(r"^Suite: ", output, flags=re.M)[1:]:
        suite = part.split("\n", 1)[0].strip()
        for text in re.split(r"^  Test: ", part, flags=re.M)[1:]:
            name, words = re.match(r"(.*?) \.\.\.(.*)", text, re.S).groups()
            # What follows the verdict is the suite's own tidying up.
            verdict = re.search(r"^(passed|FAILED)", "\n" + words, re.M)
            said = words if verdict is None else ("\n" + words)[:verdict.start()]
            if verdict is None:
                outcome = "cut off"
            elif verdict.group(1) == "FAILED":
                outcome, said = "failed", words
            else:
                outcome = "skipped" if "[SKIPPED]" in said else "passed"
            known = found.get(f"{suite}.{name}")
            if known is None or WORST_FIRST.index(outcome) < WORST_FIRST.index(known.outcome):
                found[f"{suite}.{name}"] = Test(outcome, said)
    return found, bool(summary)


def merged(folder):
    """All tests of a target, each from the run that is about it, and the runs that were cut off."""
    runs, cut_off = {}, []
    for path in glob.glob(os.path.join(folder, "*.log")):
        name = os.path.basename(path).removesuffix(".log")
        runs[name], whole = tests(path)
        if not whole:
            cut_off.append(name)
    chosen, families = {}, [name for name in runs if name.split()[0] == "all"]
    for name in families:
        for test, result in runs[name].items():
            known = chosen.get(test)
            if known is None or WORST_FIRST.index(result.outcome) < WORST_FIRST.index(known.outcome):
                chosen[test] = result
    for name in sorted(set(runs) - set(families), key=lambda name: name.count(".")):
        for test, result in runs[name].items():
            if test == name or test.startswith(name + "."):
                chosen[test] = result
    return chosen, cut_off


def counts(results, suite):
    row = [0, 0, 0]
    for test, result in results.items():
        if suite in ("", test.split(".")[0]):
            row[{"passed": 0, "failed": 1, "cut off": 1, "skipped": 2}[result.outcome]] += 1
    return row


def print_table(targets):
    heads = [f"{name} {what}" for name in targets for what in ("passed", "failed", "skipped")]
    print("| suite | " + " | ".join(heads) + " |\n|" + " --- |" * (len(heads) + 1))
    suites = sorted({test.split(".")[0] for results in targets.values() for test in results})
    for suite in suites + [""]:
        cells = [str(n) for results in targets.values() for n in counts(results, suite)]
        print(f"| {suite or 'all'} | " + " | ".join(cells) + " |")


def print_skips(name, results):
    reasons = {}
    for test, result in sorted(results.items()):
        if result.outcome == "skipped":
            reason = EXPECTED_SKIPS.get(test) if name == "holdfastd" else None
            reasons.setdefault(reason or result.why_skipped(), []).append(test)
    print(f"\nSkipped by {name}:" if reasons else f"\nNothing is skipped by {name}.")
    for reason, which in reasons.items():
        print(f"- {', '.join(which)}: {reason}")


def print_failures(name, results):
    for test, result in sorted(results.items()):
        if result.outcome in ("failed", "cut off"):
            print(f"{name}: {test} {result.outcome}: {' '.join(result.words.split())[:300]}")


def compare(arguments):
    targets, wrong = {}, []
    for argument in arguments:
        name, folder = argument.split("=", 1)
        targets[name], cut_off = merged(folder)
        for run in cut_off:
            print(f"the run '{run}' of {name} was cut off")
            if len(targets) == 1:
                wrong.append(f"the run '{run}' has no summary")
    print_table(targets)
    for name, results in targets.items():
        print_skips(name, results)
    for name, results in targets.items():
        print_failures(name, results)
    ours = next(iter(targets.values()))
    for test, result in sorted(ours.items()):
        if result.outcome in ("failed", "cut off"):
            wrong.append(f"{test} {result.outcome}")
        elif result.outcome == "skipped" and test not in EXPECTED_SKIPS:
            wrong.append(f"{test} was skipped: {result.why_skipped()}")
    everybodys = {test for results in targets.values() for test in results}
    wrong += [f"{test} did not run" for test in sorted(everybodys - set(ours))]
    if len(ours) < 200:
        wrong.append(f"only {len(ours)} tests ran")
    return wrong


def every_test_passed(output, suites):
    results, whole = tests(output)
    wrong = [] if whole else ["the run was cut off: it has no summary"]
    for suite in suites:
        passed, failed, skipped = counts(results, suite)
        if not passed or failed or skipped:
            wrong.append(f"every test of {suite} must pass: {passed} did, {failed} failed, {skipped} were skipped")
    return wrong


def main():
    comparing = "=" in sys.argv[1]
    wrong = compare(sys.argv[1:]) if comparing else every_test_passed(sys.argv[1], sys.argv[2:])
    for line in wrong:
        print("wrong:", line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
