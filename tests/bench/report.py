#!/usr/bin/python3
"""report.py RESULTS ONE OTHER... - lines "workload datapath value" to a table of medians, and the
ratios of the first datapath to the second."""
import statistics
import sys

UNIT = {"tcp": "Mbit/s", "tcp-reverse": "Mbit/s", "udp": "packets/s"}
WHAT = {"tcp": "TCP, one stream", "tcp-reverse": "TCP, from the server",
        "udp": "UDP, 64 bytes"}
# What the first should reach of the second.
AIM = {("ctfwd", "reflector"): {"tcp": 0.9, "tcp-reverse": 0.9, "udp": 0.85},
       ("nat", "ctfwd"): {"tcp": 0.95, "tcp-reverse": 0.95, "udp": 0.9}}

datapaths = sys.argv[2:]
one, other = datapaths[:2]

values = {}
with open(sys.argv[1], encoding="ascii") as results:
    for line in results:
        workload, datapath, value = line.split()
        values.setdefault(workload, {}).setdefault(datapath, []).append(float(value))

print("%-22s" % "" + "".join(" %12s" % d for d in datapaths) + "   %s/%s (each round)" % (one, other))
for workload, of in values.items():
    median = {d: statistics.median(v) for d, v in of.items()}
    rounds = [c / r if r else 0 for c, r in zip(of[one], of[other])]
    ratio = median[one] / median[other] if median[other] else 0
    print("%-22s" % WHAT[workload] + "".join(" %12.0f" % median[d] for d in datapaths) +
          "   %.2f (%.2f to %.2f; aim %.2f)  %s" % (
              ratio, min(rounds), max(rounds), AIM[one, other][workload], UNIT[workload]))
