#!/usr/bin/env python3
"""level.py SAMPLES - whether anything grew over the second half of a soak.

A line of SAMPLES: seconds, kB of keeper, filter and arena, descriptors of both, flows.  The
medians of the third and the last quarter are compared: medians, since a process that has just
been started has less."""
import statistics
import sys

COLUMNS = [("keeper, kB", 1, 256), ("filter, kB", 2, 2048), ("arena, kB", 3, 2048),
           ("keeper, descriptors", 4, 2), ("filter, descriptors", 5, 2)]

with open(sys.argv[1], encoding="ascii") as lines:
    samples = [[int(word) for word in line.split()] for line in lines]
grew = False
quarter = len(samples) // 4
if quarter < 2:
    print("too short to tell")
    sys.exit(1)
for name, column, slack in COLUMNS:
    third = statistics.median(s[column] for s in samples[2 * quarter:3 * quarter])
    last = statistics.median(s[column] for s in samples[3 * quarter:])
    more = last > third * 1.05 + slack
    grew = grew or more
    print("%-20s %9d, then %9d%s" % (name, third, last, "  GREW" if more else ""))
sys.exit(grew)
