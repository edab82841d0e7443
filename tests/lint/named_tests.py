#!/usr/bin/env python3
"""What README shows by tests: every row of a table whose last column is "shown by" names tests that exist.

usage: tests/lint/named_tests.py [FILE]     README.md by default
Prints FILE:LINE: complaint. Exit code: 0 nothing to say, 1 something to say.

A name is `Suite.Test` of GoogleTest, `end_to_end.script`, `bench.script`, or `module.function` of a Python
module in tests/end_to_end. A row without a name must say no in its second column."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def known_tests(root=ROOT):
    names = set()
    for path in (root / "tests").rglob("*.cc"):
        found = re.findall(r"^TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", path.read_text(encoding="utf-8"), re.M)
        names |= {f"{suite}.{test}" for suite, test in found}
    for path in (root / "tests" / "end_to_end").glob("*.py"):
        names |= {f"{path.stem}.{function}" for function in re.findall(r"^def (\w+)\(\)", path.read_text(encoding="utf-8"), re.M)}
    for folder in ("end_to_end", "bench"):
        listed = (root / "tests" / folder / "CMakeLists.txt").read_text(encoding="utf-8")
        names |= {f"{folder}.{script}" for script in re.findall(r"^\s*holdfast_(?:script|bench)\((\w+)", listed, re.M)}
    return names


def complaints(text, known):
    """(line, complaint) for each row that names no test, or one that does not exist."""
    shows = False
    for number, line in enumerate(text.split("\n"), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            shows = False
        elif cells[-1] == "shown by":
            shows = True
        elif shows and not set(line) <= set("|-: "):
            names = re.findall(r"`([^`]+)`", cells[-1])
            if not names and not re.match(r"no\b", cells[1]):
                yield number, f"'{cells[0]}' names no test"
            for name in names:
                if name not in known:
                    yield number, f"there is no test {name}"


def main():
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "README.md"
    found = list(complaints(path.read_text(encoding="utf-8"), known_tests()))
    for line, complaint in found:
        print(f"{path.name}:{line}: {complaint}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
