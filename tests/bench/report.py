#!/usr/bin/python3
"""report.py RESULTS - lines "workload datapath value" to a table of medians and ratios."""
import statistics
import sys

UNIT = {"tcp": "Mbit/s", "tcp-reverse": "Mbit/s", "udp": "packets/s"}
WHAT = {"tcp": "TCP, one stream", "tcp-reverse": "TCP, from the server",
        "udp": "UDP, 64 bytes"}
# What ctfwd should reach of the reflector.
AIM = {"tcp": 0.9, "tcp-reverse": 0.9, "udp": 0.85}

values = {}
with open(sys.argv[1], encoding="ascii") as results:
    for line in results:
        workload, datapath, value = line.split()
        values.setdefault(workload, {}).setdefault(datapath, []).append(float(value))

print("%-22s %12s %12s %12s   %s" % ("", "ctfwd", "reflector", "kernel",
                                     "ctfwd/reflector (each round)"))
for workload, of in values.items():
    median = {d: statistics.median(v) for d, v in of.items()}
    rounds = [c / r if r else 0 for c, r in zip(of["ctfwd"], of["reflector"])]
    ratio = median["ctfwd"] / median["reflector"] if median["reflector"] else 0
    print("%-22s %12.0f %12.0f %12.0f   %.2f (%.2f to %.2f; aim %.2f)  %s" % (
        WHAT[workload], median["ctfwd"], median["reflector"], median["kernel"], ratio,
        min(rounds), max(rounds), AIM[workload], UNIT[workload]))
