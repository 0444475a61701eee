#!/usr/bin/python3
"""oracle.py - the same ruleset and packets through the kernel's nftables and through the engine.

    oracle.py --driver PATH rulesets [--seeds N] [--packets N]   the files in rulesets/
    oracle.py --driver PATH random   [--seeds N] [--packets N]   random rules, random packets
    oracle.py --driver PATH rules --ctl RULESETCTL [--seeds N]   rules of the whole language, on
                                                                 packets of every kind
    oracle.py --driver PATH --protocol NAME [--packets N]        a generated stream of a protocol
    oracle.py --driver PATH scenarios --scenarios PATH [--seconds N] FILE...
                                    scenario files, PATH the program that runs them; of each
                                    scenario the waits may sum up to N seconds
    oracle.py --driver PATH captures                             what real programs say
    oracle.py ... --seed N                                       that seed alone, or from it on

Compared for every packet: the verdict, the ct state and direction, which rules matched (their log
statements), what was emitted, and the flow's entry; at the end all entries, and the ruleset as it
is listed, counters included.  README.md says more.  Exit status 77: not root, or a tool is missing.
"""
import argparse
import glob
import json
import os
import random
import re
import shutil
import sys

import captures
import generated
import matching
import stories
from packets import Stream
from play import Play
from rules import Rules
from streams import PROTOCOLS

HERE = os.path.dirname(os.path.abspath(__file__))
SKIP = 77


# ---- flows as they are listed

TIMEOUT = re.compile(r"^(\S+ +\d+ )(\d+) ")


def without_timeout(line):
    return TIMEOUT.sub(r"\1", line).strip().replace("use=2", "use=1")


def line_differences(ours, theirs):
    a, b = ({without_timeout(line) for line in lines} for lines in (ours, theirs))
    return ["only the engine lists: " + f for f in sorted(a - b)] + \
        ["only the kernel lists: " + f for f in sorted(b - a)]


def diff(theirs, ours):
    import difflib
    return "".join(difflib.unified_diff(theirs.splitlines(True), ours.splitlines(True),
                                        "kernel", "engine"))


# ---- rules

def compare_rules(driver, name, ruleset, seed, count, resets=True):
    """The number of differences."""
    packets = Stream(random.Random(seed), count, resets).packets
    play = Play(ruleset, driver)
    try:
        play.run(packets, to_the_end=True)
        flows, listing = play.kernel.flows(), play.kernel.ruleset()
        end = play.engine.finish()
    finally:
        play.close()
    found = []
    for i, kind, text in play.differences:
        if i == len(packets):
            found.append(text)
            continue
        side, packet = packets[i]
        found.append("packet %d from %s %s\n    %s\n    %s" % (
            i + 1, side or "the host", packet.hex(), text,
            json.dumps(play.told[i][0]["outcome"])))
    found += line_differences([f["line"] for f in end["flows"]], flows)
    # Where a rule asks for exactly these flags, nft lists what it would read as any of them; we
    # do not.
    listed = re.sub(r"(ct state|ct status|tcp flags) == (\S+ \| )", r"\1 \2", end["ruleset"])
    if listed != listing:
        found.append("the listing differs:\n" + diff(listing, listed))
    theirs = [told[1] for told in play.told]
    print("%-20s seed %-4d %4d packets, %4d accepted, %3d answered, %3d flows, %d differences" % (
        name, seed, len(packets), sum(t["verdict"] == "accept" for t in theirs),
        sum(bool(t["answers"]) for t in theirs), len(flows), len(found)), flush=True)
    for text in found[:10]:
        print("  " + text)
    if found and name == "random":
        print(ruleset)
    return len(found)


def rulesets(args):
    total = 0
    for seed in seeds(args, 6):
        for path in sorted(glob.glob(os.path.join(HERE, "rulesets", "*.nft"))):
            with open(path) as f:
                total += compare_rules(args.driver, os.path.basename(path), f.read(), seed,
                                       args.packets or 600)
    return total


def random_rules(args):
    total = 0
    for seed in seeds(args, 30):
        rules = Rules(random.Random(seed))
        total += compare_rules(args.driver, "random", rules.text, seed, args.packets or 600,
                               not rules.drops_early)
    return total


def whole_language(args):
    return matching.compare_all(args.driver, args.ctl, seeds(args, 10))


def streams(args):
    names = [args.protocol] if args.protocol else list(PROTOCOLS)
    return sum(generated.compare(args.driver, name, seed, args.packets or 1000)
               for name in names for seed in seeds(args, 1))


def scenarios(args):
    return stories.compare(args.driver, args.scenarios, args.files, args.seconds)


def programs(args):
    return sum(generated.compare_record(args.driver, name, items, seed)
               for seed in seeds(args, 1) for name, items in captures.records(seed))


def seeds(args, count):
    if args.seed is not None:
        return range(args.seed, args.seed + (args.seeds or 1))
    return range(1, (args.seeds or count) + 1)


MODES = {"rulesets": rulesets, "random": random_rules, "rules": whole_language, "streams": streams,
         "scenarios": scenarios, "captures": programs}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="?", choices=list(MODES), default="streams")
    parser.add_argument("files", nargs="*")
    parser.add_argument("--driver", required=True)
    parser.add_argument("--scenarios")
    parser.add_argument("--ctl")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--protocol", choices=list(PROTOCOLS))
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--packets", type=int)
    args = parser.parse_intermixed_args()

    missing = [tool for tool in ("nft", "ip", "conntrack") if not shutil.which(tool)]
    if os.geteuid() != 0 or missing or not os.path.exists("/dev/net/tun"):
        print("skipped: needs root, /dev/net/tun, nft, ip and conntrack" +
              (" (missing: %s)" % ", ".join(missing) if missing else ""))
        return SKIP
    return 1 if MODES[args.what](args) else 0


if __name__ == "__main__":
    sys.exit(main())
