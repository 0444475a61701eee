#!/usr/bin/python3
"""Of the list that conntrack is held to, every id is a scenario's or waits for something:
tests/scenarios/README.md says which there are, and what the missing ones wait for.

    scenarios.py SOURCE-TREE"""
import glob
import os
import re
import sys

ID = r"([A-Z])(\d\d)(?:-[A-Z](\d\d))?"


def ids(text):
    """All of T01, N01-N18."""
    found = set()
    for letter, first, last in re.findall(r"\b%s\b" % ID, text):
        found |= {"%s%02d" % (letter, n) for n in range(int(first), int(last or first) + 1)}
    return found


def rows(text, heading):
    """The table under a heading: first column's ids."""
    part = text.split("\n## %s\n" % heading)[1].split("\n## ")[0]
    return ids("\n".join(line.split("|")[1] for line in part.splitlines()
                         if re.match(r"\| *[A-Z]\d\d", line)))


def main():
    folder = os.path.join(sys.argv[1], "tests", "scenarios")
    with open(os.path.join(folder, "README.md"), encoding="utf-8") as f:
        readme = f.read()
    listed, waiting = rows(readme, "The list"), rows(readme, "What waits")
    there = set()
    for path in glob.glob(os.path.join(folder, "*.scn")):
        with open(path, encoding="utf-8") as f:
            there |= ids("\n".join(re.findall(r"^scenario ([A-Z]\d\d)\b", f.read(), re.M)))
    wrong = ["%s is no scenario's, and does not wait" % i for i in sorted(listed - there - waiting)]
    wrong += ["%s waits, and is a scenario's" % i for i in sorted(there & waiting)]
    wrong += ["%s is not in the list" % i for i in sorted((there | waiting) - listed)]
    print("%d ids, %d of them wait" % (len(listed), len(waiting)))
    print("\n".join(wrong))
    return 1 if wrong or not listed or not there else 0


if __name__ == "__main__":
    sys.exit(main())
