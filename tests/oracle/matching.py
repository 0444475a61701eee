"""matching.py - generated rules on generated packets: which rules matched, packet for packet, what
became of marks, and what the listing with its counters says at the end.

Rules are given to both sides one by one: what both take is compared, what one alone takes is told.
The verdict is the rules' own, seen in which rules a packet met; what the host does with a packet
behind its rules is none of this.
"""
import collections
import os
import random
import re
import subprocess
import sys
import time

from anything import Packets
from engine import Engine
from grammar import Grammar
from kernel import Kernel
from libnft import Nft
from packets import HOST_ADDRESSES

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "ruleset"))
from batch import Batch, Died  # noqa: E402

RULES, PACKETS = 100, 500
# The host says nothing itself: errors about our packets would come by the rules over lo.
QUIET = """table inet quiet {
    chain output { type filter hook output priority -500; policy drop; }
}"""
# Counters of a rule by its name.  How rules are listed is compared elsewhere: nft lists many of
# these in words of its own, by masks and shifts.
COUNTED = re.compile(r'counter (packets \d+ bytes \d+) log prefix "(r\d+)"')
# What the grammar of nft 1.0.6 has not, and ours has; it takes types of hardware for link layers.
GRAMMAR = re.compile(r"syntax error|variable sized data types|exceeds valid range|unknown vs\. ip")
# So many differences are told in full.
TOLD = 5


class Matching:
    def __init__(self, driver, ctl, seed):
        self.driver, self.seed = driver, seed
        self.random = random.Random("matching %d" % seed)
        packets = Packets(self.random)
        self.packets = [packets.packet() for _ in range(PACKETS)]
        self.grammar = Grammar(self.random, [p for _, p in self.packets])
        self.script = []
        self.only = {"nft": [], "we": []}  # items that one side alone takes
        self.differences = []
        self.batch = Batch(ctl)
        self.kernel = Kernel("", HOST_ADDRESSES)
        self.nft = Nft()
        self.nft(QUIET)
        self.refused = 0  # by both

    def close(self):
        self.nft.close()
        self.batch.close()
        self.kernel.close()

    def run(self):
        for item in self.grammar.items(RULES):
            self.offer(item)
        self.engine = Engine(self.driver, "\n".join(self.script) + "\n")
        try:
            for index, (side, packet) in enumerate(self.packets):
                self.step(index, side, packet)
            self.listing()
        finally:
            self.engine.close()

    # ---- rules

    def offer(self, item):
        try:
            ours, why = self.batch.apply(item.text, "c")
        except Died as e:
            self.differences.append("%s\n    %s" % (item.text, e))
            return
        theirs, error = self.nft(item.text, check=not ours)
        if ours and theirs:
            self.batch.apply(item.text)
            self.script.append(item.text)
            self.grammar.taken(item)
        elif theirs is None:
            pass
        elif ours:
            if not GRAMMAR.search(error):
                self.only["we"].append((item, error))
        elif theirs:
            self.only["nft"].append((item, why))
        else:
            self.refused += 1

    # ---- packets

    def step(self, index, side, packet):
        theirs = self.kernel.packet(side, packet)["log"]
        result = self.engine.packet(self.kernel.now(), packet)
        ours = result["log"]
        if ours == theirs:
            return
        names = sorted(set(ours) ^ set(theirs))
        rules = [line for line in self.script
                 if any('"%s"' % n in line for n in names[:TOLD])]
        self.differences.append("packet %d from %s: %s\n    we alone: %s; the kernel alone: %s; %s\n    %s" % (
            index + 1, side, packet.hex(), [n for n in ours if n not in theirs],
            [n for n in theirs if n not in ours], result["outcome"].get("by"),
            "\n    ".join(rules)))

    def listing(self):
        try:
            listings = [self.engine.finish()["ruleset"], self.kernel.ruleset()]
        except subprocess.CalledProcessError:
            print("  nft dies of its listing")
            return
        ours, theirs = ({name: counted for counted, name in COUNTED.findall(text)}
                        for text in listings)
        for name in sorted(ours.keys() | theirs.keys()):
            if ours.get(name) != theirs.get(name):
                self.differences.append("%s counts %s, the kernel's %s" % (
                    name, ours.get(name), theirs.get(name)))


def compare(driver, ctl, seed, refused):
    """The number of differences; refused is a Counter of the words of what we alone refuse."""
    start = time.monotonic()
    m = Matching(driver, ctl, seed)
    try:
        m.run()
    finally:
        m.close()
    for item, _ in m.only["nft"]:
        refused.update(set(item.features))
    print("matching    seed %-4d %3d rules, nft alone takes %d, we alone %d, "
          "none %d; %d packets, %d differences, %.1f s" % (
              seed, len(m.script), len(m.only["nft"]), len(m.only["we"]), m.refused,
              len(m.packets), len(m.differences), time.monotonic() - start), flush=True)
    for item, error in m.only["we"][:TOLD]:
        print("  we alone take %s\n    %s" % (item.text, " ".join(error.split())[:300]))
    for item, error in m.only["nft"][:TOLD]:
        print("  nft alone takes %s\n    %s" % (item.text, " ".join(error.split())[:300]))
    for text in m.differences[:TOLD]:
        print("  " + text)
    return len(m.differences) + len(m.only["we"])


def compare_all(driver, ctl, seeds):
    refused = collections.Counter()
    total = sum(compare(driver, ctl, seed, refused) for seed in seeds)
    if refused:
        print("We alone refuse: " + ", ".join("%s %d" % pair for pair in refused.most_common(60)))
    return total
