"""matching.py - generated rules on generated packets: which rules matched, packet for packet, what
became of marks and of the packet's bytes, and what the listing with its counters says at the end.

Rules are given to both sides one by one: what both take is compared, what one alone takes is told.
The verdict is the rules' own, seen in which rules a packet met; what the host does with a packet
behind its rules is none of this.
"""
import collections
import ipaddress
import os
import random
import re
import subprocess
import sys
import time

from anything import Packets
from engine import Engine
from fields import PROTOCOLS, headers
from grammar import Grammar
from kernel import Kernel
from libnft import Nft
from packets import HOST_ADDRESSES, SUM_FIELD, with_checksum

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
# What the grammar of nft 1.0.6 has not, and ours has; it takes types of hardware for link layers,
# and one of several types for ICMP's.
GRAMMAR = re.compile(r"syntax error|variable sized data types|exceeds valid range|unknown vs\. ip|"
                     r"incompatible icmp match")
# So many differences are told in full.
TOLD = 5


def transport_sum(packet, found):
    """Where the checksum behind the IP header lies, and whether it is right; found: where the
    headers are."""
    for proto, field in SUM_FIELD.items():
        name = next((n for n, number in PROTOCOLS.items() if number == proto), None)
        if name not in found or found[name] + field + 2 > len(packet):
            continue
        at = found[name]
        ends = (12, 16, 20) if "ip" in found else (8, 24, 40)
        src, dst = (ipaddress.ip_address(packet[a:b]) for a, b in zip(ends, ends[1:]))
        return at + field, with_checksum(src, dst, proto, packet[at:]) == packet[at:]
    return None, True


def same_bytes(before, ours, theirs):
    """Whether rules have made the same of a packet.  At an odd place the kernel changes the
    transport's checksum as if it were an even one; and where it finds no room for that checksum
    it has changed the IP header's already.  Then it is wrong, and ours stays right."""
    if ours == theirs or not ours or not theirs:
        return ours == theirs
    # A fragment header that says nothing is gone with a datagram's defragmentation.
    found = headers(before if len(before) == len(ours) else ours)
    at, right = transport_sum(ours, found)
    if not right and transport_sum(before, headers(before))[1]:
        return False
    sums = [at] if at is not None else [10] if "ip" in found else []
    masked = [bytearray(ours), bytearray(theirs)]
    for p in masked:
        for at in sums:
            p[at:at + 2] = b"\0\0"
    return masked[0] == masked[1]


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
        seen = self.kernel.packet(side, packet)
        theirs = seen["log"]
        result = self.engine.packet(self.kernel.now(), packet)
        ours = result["log"]
        if ours == theirs and same_bytes(packet, *(bytes.fromhex(side["logged"])
                                                   for side in (result, seen))):
            return
        if ours == theirs:
            self.differences.append("packet %d from %s: %s\n    is %s,\n    the kernel's %s" % (
                index + 1, side, packet.hex(), result["logged"], seen["logged"]))
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
