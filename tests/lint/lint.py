#!/usr/bin/env python3
"""Judges every source file of the checkout by the rules in rules.py.

usage: tests/lint/lint.py [FILE...]     every file under the source folders by default
Prints PATH:LINE: complaint. Exit code: 0 nothing to say, 1 something to say."""

import pathlib
import sys

import rules

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ["common", "target", "initiator", "tests", "conf", "cmake", ".ci"]
AT_THE_ROOT = ["check", "demo", "CMakeLists.txt"]
CPP = {".h", ".cc"}
# The rules and their canaries spell what they forbid.
EXEMPT = {"tests/lint/rules.py", "tests/lint/rules_test.py"}


def sources():
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
    for name in AT_THE_ROOT:
        if (ROOT / name).exists():
            yield ROOT / name


def complaints(path):
    name = path.relative_to(ROOT).as_posix()
    if name in EXEMPT:
        return
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return  # a fixture of raw bytes
    for rule in rules.EVERY_RULES + (rules.CPP_RULES if path.suffix in CPP else []):
        for line, complaint in rule(name, text):
            yield f"{name}:{line}: {complaint} [{rule.__name__}]"


def main():
    named = [pathlib.Path(name).resolve() for name in sys.argv[1:]]
    count, found = 0, []
    for path in named or sources():
        count += 1
        found += complaints(path)
    for line in found:
        print(line)
    print(f"lint: {count} files, {len(found)} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
