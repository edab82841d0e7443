"""Reads Prometheus' text format 0.0.4 as its description has it, and says what is wrong with it.

  prometheus_text.py FILE         exits 1 with a line for each complaint
"""

import math
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"^({NAME})(?:\{{({LABEL}(?:,{LABEL})*)?\}})? (\S+)$")
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")


def family_of(name, types):
    """The metric that a sample belongs to."""
    for suffix in ("_bucket", "_sum", "_count"):
        base = name.removesuffix(suffix)
        if base != name and types.get(base) in ("histogram", "summary"):
            return base
    return name


def check(text):
    """Returns the samples as {(name, labels): value}, and the complaints."""
    complaints, samples, types, helped, finished = [], {}, {}, set(), set()
    current = None
    if not text.endswith("\n"):
        complaints.append("the last line has no end")
    for number, line in enumerate(text.split("\n")[:-1], 1):
        if line.startswith("# HELP ") or line.startswith("# TYPE "):
            _, what, name, rest = line.split(" ", 3)
            if what == "HELP":
                if name in helped:
                    complaints.append(f"{number}: {name} is helped twice")
                helped.add(name)
            else:
                if name in types:
                    complaints.append(f"{number}: {name} has two types")
                if rest not in TYPES:
                    complaints.append(f"{number}: type {rest}")
                types[name] = rest
            continue
        if line.startswith("#") or line == "":
            continue
        match = SAMPLE.match(line)
        if not match:
            complaints.append(f"{number}: no sample: {line}")
            continue
        name, labels, value = match.group(1), match.group(2) or "", match.group(3)
        family = family_of(name, types)
        if family != current:
            if family in finished:
                complaints.append(f"{number}: {family} stands in two places")
            finished.add(current)
            current = family
        if family not in types or family not in helped:
            complaints.append(f"{number}: {family} has no HELP and TYPE before it")
        if types.get(family) == "counter" and not name.endswith("_total"):
            complaints.append(f"{number}: counter {name} does not end in _total")
        if (name, labels) in samples:
            complaints.append(f"{number}: {name}{{{labels}}} twice")
        try:
            samples[name, labels] = float(value)
        except ValueError:
            complaints.append(f"{number}: no number: {value}")
    return samples, complaints + check_histograms(samples, types)


def check_histograms(samples, types):
    complaints = []
    series = {}
    for (name, labels), value in samples.items():
        base = name.removesuffix("_bucket")
        if base != name and types.get(base) == "histogram":
            bound = re.search(r'(?:^|,)le="([^"]*)"', labels).group(1)
            rest = re.sub(r',?le="[^"]*"', "", labels)
            series.setdefault((base, rest), []).append((math.inf if bound == "+Inf" else float(bound), value))
    for (base, labels), buckets in series.items():
        buckets.sort()
        counts = [count for _, count in buckets]
        if buckets[-1][0] != math.inf:
            complaints.append(f"{base}{{{labels}}} has no bucket +Inf")
        if counts != sorted(counts):
            complaints.append(f"{base}{{{labels}}} does not count up")
        if samples.get((base + "_count", labels)) != counts[-1]:
            complaints.append(f"{base}{{{labels}}}: _count is not the last bucket")
        if (base + "_sum", labels) not in samples:
            complaints.append(f"{base}{{{labels}}} has no _sum")
    return complaints


def main():
    samples, complaints = check(open(sys.argv[1], encoding="utf-8", newline="").read())
    for complaint in complaints:
        print(complaint)
    if not samples:
        print("no samples")
    sys.exit(1 if complaints or not samples else 0)


if __name__ == "__main__":
    main()
