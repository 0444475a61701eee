#!/usr/bin/env python3
"""labels.py --ctl RULESETCTL - names of ct labels as nft 1.0.6 has them.

Both read the same /etc/connlabel.conf, in namespaces where it is laid over the host's /etc.
Rules are taken or refused, and listed as text and JSON, alike.  Skipped without nft or the right
to make such namespaces.
"""
import argparse
import json
import subprocess
import sys
import tempfile

NAMES = "# comment\n0\tzero\n1 one\n2 eth0-in\n3 two words\n0x10 hex\n1 uno\n8 8name # comment\n" \
        "127 last\n128 over\n10 a,b\n14 drop\n"
LABELS = ["zero", "one", "uno", "eth0-in", "two", "words", "hex", '"8name"', "last", "127", "128",
          "over", '"a,b"', '"drop"', "Zero", "three", "16", "100", "one,last", "one|zero",
          "! one", "!= one", "!= one,zero", "& one == one", "set zero", "set 100", "set one,zero",
          "set three", "set uno", '"one","last"', "== one"]
BASE = "add table t; add chain t c"
MOUNT = 'mount -t overlay overlay -o "lowerdir=$1:/etc" /etc && shift && exec "$@"'
NFT = 'nft "$1" && nft "$2" list chain t c'


def lines(listing):
    return [x.split(" # handle")[0] for x in listing.splitlines()]


def expressions(document):
    return [x["rule"]["expr"] for x in json.loads(document)["nftables"] if "rule" in x]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ctl", required=True)
    ctl = parser.parse_args().ctl
    failed = 0
    with tempfile.TemporaryDirectory() as etc:
        def run(*words):
            """Whether it went well, and what it said, on a host with those names."""
            done = subprocess.run(["unshare", "-mn", "sh", "-c", MOUNT, "sh", etc, *words],
                                  capture_output=True, text=True, check=False)
            return done.returncode == 0, done.stdout

        with open(etc + "/connlabel.conf", "w") as file:
            file.write(NAMES)
        if "v1.0.6" not in run("nft", "--version")[1]:
            return 77
        commands = BASE
        for label in LABELS:
            rule = "add rule t c ct label " + label
            nft, ours = (run(*words, BASE + "; " + rule)[0] for words in (["nft"], [ctl]))
            if nft != ours:
                failed += 1
                print("ct label %s: taken by nft: %s, by us: %s" % (label, nft, ours))
            commands += "; " + rule if nft and ours else ""
        for option, parts in ("-a", lines), ("-j", expressions):
            nft = parts(run("sh", "-c", NFT, "sh", commands, option)[1])
            ours = parts(run(ctl, commands, option, "list chain t c")[1])
            if nft != ours or len(nft) < len(LABELS) // 2:
                failed += 1
                print("\n".join("   nft  %s\n   ours %s" % pair for pair in zip(nft, ours)))
    print("%d labels, %d differ" % (len(LABELS), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
