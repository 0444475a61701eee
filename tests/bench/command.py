#!/usr/bin/env python3
"""command.py COMMAND... - what a command takes: the best of some runs (RUNS in the environment, or
3), and its memory at most."""
import os
import resource
import subprocess
import sys
import time

RUNS = int(os.environ.get("RUNS", "3"))

best = None
for _ in range(RUNS):
    start = time.monotonic()
    if subprocess.call(sys.argv[1:]):
        sys.exit(1)
    took = time.monotonic() - start
    best = took if best is None else min(best, took)
print("%.3f s, %d KiB" % (best, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss), flush=True)
