#!/usr/bin/env python3
"""agree.py - `nft -c` and we take and refuse the same files.

    agree.py --ctl RULESETCTL [--cases N] [--seed N] [-v]

The files are those of good/, and rules of the generator in tests/oracle; and of each many that
are spoilt, as a seed decides: a word left out, doubled, misspelt or put where another was,
numbers that are too large, an end too early.  nft is asked in a namespace of its own; skipped
(77) without the right to make one, or without libnftables.

agree.txt says which differences there may be, and why: a regular expression of the line that
one side alone refuses, and the reason.
"""
import argparse
import ctypes
import glob
import os
import random
import re
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
from anything import Packets  # noqa: E402
from batch import Batch, Died  # noqa: E402
from grammar import Grammar  # noqa: E402
from libnft import Nft  # noqa: E402

CLONE_NEWNET = 0x40000000
NUMBERS = ["0", "1", "255", "256", "65535", "65536", "4294967296", "18446744073709551616", "0x1ff",
           "10.0.0.256", "fe80::1", "1-0", "300-200"]
WORD = re.compile(r'"[^"\n]*"|[\w.:/-]+|\s+|.', re.S)
# The share of cases, in per mille, that may differ without a reason.
ALLOWED = 10


def good_files():
    for path in sorted(glob.glob(os.path.join(HERE, "good", "*.nft"))):
        with open(path) as f:
            text = f.read()
        if "include" not in text:
            yield re.sub(r"#.*", "", text)


def generated(r):
    """A table of one generated rule, and of a set that it might name."""
    packets = Packets(r)
    grammar = Grammar(r, [packets.packet()[1] for _ in range(20)])
    lines = ["add table " + grammar.table, "add chain %s sub0" % grammar.table]
    if r.random() < 0.3:
        item = r.choice(list(grammar.named_sets()))
        lines.append(item.text)
        grammar.taken(item)
    lines.append("add rule %s sub0 %s" % (grammar.table, re.sub(
        r" ?counter log prefix \S+ group 7", "", grammar.rule(["sub0"][1:]))))
    return "\n".join(lines) + "\n"


class Spoiler:
    def __init__(self, r, texts):
        self.r = r
        self.words = sorted({w for t in texts for w in WORD.findall(t) if not w.isspace()})

    def spoil(self, text):
        r = self.r
        words = WORD.findall(text)
        places = [i for i, w in enumerate(words) if w.strip()]
        for _ in range(r.choice([1, 1, 1, 2])):
            i = r.choice(places)
            words = r.choice([self.leave_out, self.double, self.misspell, self.replace,
                              self.replace, self.number, self.swap, self.end])(words, i, places)
            places = [i for i, w in enumerate(words) if w.strip()]
            if not places:
                break
        return "".join(words)

    def leave_out(self, words, i, places):
        return words[:i] + words[i + 1:]

    def double(self, words, i, places):
        return words[:i] + [words[i], " "] + words[i:]

    def misspell(self, words, i, places):
        w = words[i]
        at = self.r.randrange(len(w))
        return words[:i] + [self.r.choice([w[:at] + w[at + 1:], w[:at] + w[at] + w[at:]])] + \
            words[i + 1:]

    def replace(self, words, i, places):
        return words[:i] + [self.r.choice(self.words)] + words[i + 1:]

    def number(self, words, i, places):
        some = [j for j in places if words[j][0].isdigit()]
        i = self.r.choice(some) if some else i
        return words[:i] + [self.r.choice(NUMBERS)] + words[i + 1:]

    def swap(self, words, i, places):
        j = self.r.choice(places)
        words = list(words)
        words[i], words[j] = words[j], words[i]
        return words

    def end(self, words, i, places):
        return words[:i]


class Reasons:
    def __init__(self):
        with open(os.path.join(HERE, "agree.txt")) as f:
            rows = [line.rstrip("\n").split("\t") for line in f if line.strip() and line[0] != "#"]
        self.rows = [(side, re.compile(pattern), reason) for side, pattern, reason in rows]

    def find(self, side, text, message):
        for where, pattern, reason in self.rows:
            if where == side and pattern.search(text + "\n" + message):
                return reason
        return None


def compare(args, batch, nft):
    r = random.Random("agree %d" % args.seed)
    files = list(good_files())
    rules = [generated(r) for _ in range(args.cases // 4)]
    spoiler = Spoiler(r, files + rules)
    cases = files + rules
    while len(cases) < args.cases:
        cases.append(spoiler.spoil(r.choice(files if r.random() < 0.3 else rules)))
    reasons = Reasons()
    count = {"taken": 0, "refused": 0, "nft died": 0, "explained": 0, "differ": 0}
    for text in cases:
        try:
            ours, why = batch.apply(text, "c")
        except Died as e:
            print("we died of:\n%s\n%s" % (text, e))
            return 1
        if "define" in text:
            nft.restart()  # what was defined before stays defined
        theirs, error = nft(text, check=True)
        if theirs is None:
            count["nft died"] += 1
        elif ours == theirs:
            count["taken" if ours else "refused"] += 1
        else:
            side, message = ("we", error) if ours else ("nft", why)
            reason = reasons.find(side, text, message)
            count["explained" if reason else "differ"] += 1
            if not reason or args.v:
                line = text if len(text) < 600 else ""
                print("%s alone take(s) it%s:\n%s%s" % (
                    side, " (%s)" % reason if reason else "", line, message[:500]))
    print(", ".join("%s: %d" % item for item in count.items()))
    return count["differ"] * 1000 > ALLOWED * len(cases)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ctl", required=True)
    parser.add_argument("--cases", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-v", action="store_true")
    args = parser.parse_args()
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() or not shutil.which("nft") or libc.unshare(CLONE_NEWNET):
        print("needs root, namespaces and nft")
        return 77
    batch, nft = Batch(args.ctl), Nft()
    try:
        return 1 if compare(args, batch, nft) else 0
    finally:
        nft.close()
        batch.close()


if __name__ == "__main__":
    sys.exit(main())
