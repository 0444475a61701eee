#!/usr/bin/env python3
"""words.py OUT DICT TABLE.def... - a dictionary for fuzzing: DICT, and every word that stands in
quotes in the tables, whole and in its parts."""
import re
import sys


def main(out, dictionary, *tables):
    with open(dictionary) as f:
        text = f.read()
    known = set(re.findall(r'"(.*)"', text))
    for table in tables:
        with open(table) as f:
            rows = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
        for row in rows.splitlines():
            # Whoever explains at the end of a row writes sentences.
            for words in re.findall(r'"([\w@ .-]{2,40})"', row):
                known |= {words, *words.split()} if words.count(" ") < 4 else set()
    with open(out, "w") as f:
        f.write("".join('"%s"\n' % word for word in sorted(known)))


if __name__ == "__main__":
    main(*sys.argv[1:])
