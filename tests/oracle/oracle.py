#!/usr/bin/python3
"""oracle.py - the same ruleset and packets through the kernel's nftables and through the engine.

    oracle.py --driver PATH rulesets [--seeds N] [--packets N]   the files in rulesets/
    oracle.py --driver PATH random   [--seeds N] [--packets N]   random rules, random packets
    oracle.py ... --seed N                                       that seed alone

Compared for every packet: the verdict, the ct state and direction, which rules matched (their log
statements), and the answer of a reject; at the end the flows, and the ruleset as it is listed,
counters included.  Exit status 77: not root, or a tool is missing.
"""
import argparse
import glob
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

import kernel
from packets import HOST_ADDRESSES, ICMP, ICMPV6, Stream
from rules import Rules

HERE = os.path.dirname(os.path.abspath(__file__))
SKIP = 77


def host_options():
    options = []
    for side, addresses in HOST_ADDRESSES.items():
        for address in addresses:
            options += ["--local", "%s@%s" % (address.split("/")[0], side)]
    for net in "10.8.0.0/24=wg0", "fd08::/64=wg0", "0.0.0.0/0=eth0", "::/0=eth0":
        options += ["--route", net]
    return options


def through_engine(driver, ruleset, packets, times):
    with tempfile.NamedTemporaryFile("w", suffix=".nft") as f:
        f.write(ruleset)
        f.flush()
        lines = "".join("%d %s\n" % (t, p.hex()) for t, (side, p) in zip(times, packets))
        p = subprocess.run([driver, f.name] + host_options(), input=lines.encode(),
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode:
        raise SystemExit("the engine's side failed:\n%s\n%s" % (p.stderr.decode(), ruleset))
    lines = [json.loads(line) for line in p.stdout.splitlines()]
    return lines[:-1], lines[-1]


def answer(packet):
    """An answer without what the host chooses, the IPv4 identification, and without the TTL of the
    packet that it quotes: the kernel has counted the hop down by then, the engine leaves that to
    it.  Checksums that follow from these are left out too."""
    p = bytearray(packet)
    at, quoted = (20, 28) if p[0] >> 4 == 4 else (40, 48)
    if at == 20:
        p[4:6] = p[10:12] = b"\0\0"
    if p[9 if at == 20 else 6] in (ICMP, ICMPV6):
        p[at + 2:at + 4] = b"\0\0"
        if at == 20:
            p[quoted + 8] = 0
            p[quoted + 10:quoted + 12] = b"\0\0"
        else:
            p[quoted + 7] = 0
    return bytes(p)


def differences(ours, theirs):
    """What differs between the engine's line and the kernel's result of one packet."""
    o = ours["outcome"]
    found = []
    verdict = o["verdict"]
    if (verdict == "accept") != (theirs["verdict"] == "accept"):
        found.append("verdict: %s, the kernel's: %s" % (verdict, theirs["verdict"]))
    # Only a packet that raw chains let through has a state to compare.
    if theirs["state"]:
        state = [o["ct"]["state"], o["ct"].get("direction")]
        want = theirs["state"] + [None] * (2 - len(theirs["state"]))
        if state != want:
            found.append("state: %s, the kernel's: %s" % (state, want))
    if ours["log"] != theirs["log"]:
        found.append("rules that matched: %s, the kernel's: %s" % (ours["log"], theirs["log"]))
    if verdict != "accept":
        mine = [answer(bytes.fromhex(ours["out"]))] if ours["out"] else []
        limited = not theirs["answers"] and (not theirs["answers_all"] or theirs["opaque"])
        if mine != [answer(p) for p in theirs["answers"]] and not limited:
            found.append("answer: %s\n    the kernel's: %s" % (
                [p.hex() for p in mine], [answer(p).hex() for p in theirs["answers"]]))
    return found


# ---- flows

TIMEOUT = re.compile(r"^(\S+ +\d+ )(\d+) ")


def flows_by_identity(lines):
    flows = {}
    for line in lines:
        m = TIMEOUT.match(line)
        flows[TIMEOUT.sub(r"\1", line).strip().replace("use=2", "use=1")] = int(m.group(2))
    return flows


def flow_differences(ours, theirs, slack):
    a, b = flows_by_identity(ours), flows_by_identity(theirs)
    found = ["only the engine has: " + f for f in sorted(a.keys() - b.keys())]
    found += ["only the kernel has: " + f for f in sorted(b.keys() - a.keys())]
    for f in sorted(a.keys() & b.keys()):
        # Data that waits for its acknowledgement is seen by window tracking alone.
        unacknowledged = " ESTABLISHED " in f and abs(b[f] - 300) <= slack
        if abs(a[f] - b[f]) > slack and not unacknowledged:
            found.append("timeout %d, the kernel's %d: %s" % (a[f], b[f], f))
    return found


# ---- a run

def compare(driver, name, ruleset, seed, count, resets=True):
    """The number of differences."""
    packets = Stream(random.Random(seed), count, resets).packets
    k = kernel.Kernel(ruleset, HOST_ADDRESSES)
    try:
        theirs = [k.packet(side, p) for side, p in packets]
        last = time.monotonic_ns()
        flows, listing = k.flows(), k.ruleset()
        slack = 2 + (time.monotonic_ns() - last) // 1000000000
    finally:
        k.close()
    ours, end = through_engine(driver, ruleset, packets, [t["time"] for t in theirs])
    found = []
    for i, (a, b) in enumerate(zip(ours, theirs)):
        for text in differences(a, b):
            side, packet = packets[i]
            found.append("packet %d from %s %s\n    %s\n    %s" % (
                i + 1, side or "the host", packet.hex(), text, json.dumps(a["outcome"])))
    found += flow_differences(end["flows"], flows, slack)
    # Where a rule asks for exactly these flags, nft lists what it would read as any of them; we
    # do not.
    listed = re.sub(r"(ct state|ct status|tcp flags) == (\S+ \| )", r"\1 \2", end["ruleset"])
    if listed != listing:
        found.append("the listing differs:\n" + diff(listing, listed))
    accepted = sum(t["verdict"] == "accept" for t in theirs)
    print("%-20s seed %-4d %4d packets, %4d accepted, %3d answered, %3d flows, %d differences" % (
        name, seed, len(packets), accepted, sum(bool(t["answers"]) for t in theirs), len(flows),
        len(found)), flush=True)
    for text in found[:10]:
        print("  " + text)
    if found and name == "random":
        print(ruleset)
    return len(found)


def diff(theirs, ours):
    import difflib
    return "".join(difflib.unified_diff(theirs.splitlines(True), ours.splitlines(True),
                                        "kernel", "engine"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["rulesets", "random"])
    parser.add_argument("--driver", required=True)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--packets", type=int, default=600)
    args = parser.parse_args()

    missing = [tool for tool in ("nft", "ip", "conntrack") if not shutil.which(tool)]
    if os.geteuid() != 0 or missing or not os.path.exists("/dev/net/tun"):
        print("skipped: needs root, /dev/net/tun, nft, ip and conntrack" +
              (" (missing: %s)" % ", ".join(missing) if missing else ""))
        return SKIP
    count = args.seeds or (30 if args.what == "random" else 6)
    seeds = [args.seed] if args.seed is not None else range(1, count + 1)
    total = 0
    for seed in seeds:
        if args.what == "random":
            rules = Rules(random.Random(seed))
            total += compare(args.driver, "random", rules.text, seed, args.packets,
                             not rules.drops_early)
            continue
        for path in sorted(glob.glob(os.path.join(HERE, "rulesets", "*.nft"))):
            with open(path) as f:
                total += compare(args.driver, os.path.basename(path), f.read(), seed,
                                 args.packets)
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
