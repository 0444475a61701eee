#!/usr/bin/env python3
"""zones.py --ctl RULESETCTL - hours and dates as nft 1.0.6 has them, in the zones of clients.

Rules are loaded in one zone and listed in each, as text and JSON, by nft and the kernel in a
namespace, and by us.  nft 1.0.6 shows hours of zones west of Greenwich as "1193045:28:16" where
they are before midnight in UTC: such listings are not compared.  Skipped without nft or the
right to make a namespace.
"""
import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile

NS = "ctfw-zones-%d" % os.getpid()
ZONES = ["UTC", "UTC-5:45", "CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0",
         "Pacific/Apia"]
RULES = ['meta hour "17:00"', 'meta hour 3600', 'meta hour 17h30m', 'meta hour >= "23:30:15"',
         'meta hour "00:30"-"03:00"', 'meta hour != "00:30"-"10:00"', 'meta hour "22:00"-"06:00"',
         'meta hour { "10:10"-"11:00", "20:00" }', 'meta hour { "00:10"-"09:00", "20:00" }',
         'meta hour vmap { "00:00" : drop, "12:30" : accept }',
         'meta time "2026-07-01 12:00"', 'meta time < "2026-01-01"', 'meta time 1700000000',
         'meta time "2026-03-29 02:30:00"', 'meta time "2026-10-25 02:30:00"',
         'meta time "1985-06-01"-"2095-07-01"', 'meta time { "2026-01-01", "2026-07-01" }',
         'meta day "Monday"', 'meta day 0-4', 'meta day { "Saturday", "Sunday" }']


def run(words, zone):
    done = subprocess.run(words, env=dict(os.environ, TZ=zone), capture_output=True, text=True)
    return done.returncode == 0, done.stdout


def expressions(document):
    """What rules say, of a JSON listing."""
    return [x["rule"]["expr"] for x in json.loads(document)["nftables"] if "rule" in x]


class Comparison:
    def __init__(self, ctl):
        self.ctl = ctl
        self.compared = self.failed = 0

    def same(self, what, nft, ours):
        if "11930" in str(nft):
            return
        self.compared += 1
        if nft != ours:
            self.failed += 1
            print("%s\n   nft  %s\n   ours %s" % (what, nft, ours))

    def zone(self, written):
        """The rules that both take, written there and read everywhere."""
        nft = ["ip", "netns", "exec", NS, "nft"]
        base = "add table t; add chain t c; "
        rules = []
        run(nft + ["flush ruleset; " + base], written)
        for rule in RULES:
            taken = run(nft + ["add rule t c " + rule], written)[0]
            ours = run([self.ctl, base + "add rule t c " + rule], written)[0]
            self.same("TZ=%s: %s: taken" % (written, rule), taken, ours)
            rules += ["add rule t c " + rule] if taken and ours else []
        saved = run([self.ctl, base + "; ".join(rules), "--save"], written)[1]
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(saved)
            file.flush()
            for read in ZONES:
                for options, parts in ([], str.splitlines), (["-j"], expressions):
                    words = options + ["list chain t c"]
                    nfts = parts(run(nft + words, read)[1])
                    ours = parts(run([self.ctl, "--restore", file.name] + words, read)[1])
                    for pair in itertools.zip_longest(nfts, ours):
                        self.same("written with TZ=%s, read with TZ=%s" % (written, read), *pair)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ctl", required=True)
    version = subprocess.run(["nft", "--version"], capture_output=True, text=True, check=False)
    if "v1.0.6" not in version.stdout or \
            subprocess.run(["ip", "netns", "add", NS], capture_output=True).returncode:
        return 77
    comparison = Comparison(parser.parse_args().ctl)
    try:
        for zone in ZONES:
            comparison.zone(zone)
    finally:
        subprocess.run(["ip", "netns", "del", NS], check=False)
    print("%d compared, %d differ" % (comparison.compared, comparison.failed))
    return 1 if comparison.failed else 0


if __name__ == "__main__":
    sys.exit(main())
