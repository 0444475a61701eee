#!/usr/bin/env python3
"""conformance.py - rule tests in the format of nftables' tests/py, through the library.

    conformance.py --ctl RULESETCTL [-v] [--suite FOLDER] [FILE.t ...]

FOLDER, or the environment's CTFW_CONFORMANCE, holds tests/py; without it the check is skipped
(77): the tests are nftables' own and not a part of this tree.  Such a file names chains and
tables, and then has one rule a line, `RULE;ok`, `RULE;ok;LISTED-AS` or `RULE;fail`; lines that
begin with ! ? % make sets, elements and objects.  A case is a rule in one table of family ip,
ip6 or inet, and one base chain of it, which is empty.  Columns, each a share of the cases:

    setup    sets, elements and objects are accepted or refused as the file says
    verdict  so is the rule
    listed   it is listed as the file says, members of sets in any order
    replay   what is listed is accepted and lists as itself
    saved    saved and restored, the table lists as before
    json     it is listed in JSON as FILE.t.json.output has it, or else FILE.t.json
    jsonin   what FILE.t.json has is taken as a rule, and lists as `json` says

Kinds of cases: `core` a filter of packets can decide; `host` needs sockets, routes or queues of
the host's; `link` needs headers below IP.  The least shares are below; one that is not reached
is a failure, and so is any crash.  Failing lines are told with -v, or when there is a failure.
"""
import argparse
import collections
import glob
import json
import os
import re
import sys

from batch import Batch, Died

COLUMNS = ["setup", "verdict", "listed", "replay", "saved", "json", "jsonin"]
# Per cent of the cases of a kind; raised as the language grows.
LEAST = {
    "core": {"setup": 99, "verdict": 99, "listed": 99, "replay": 99, "saved": 99,
             "json": 99, "jsonin": 99},
    "host": {"verdict": 55, "listed": 46},
}
FAMILIES = ["ip", "ip6", "inet"]
FOLDERS = ["any", "inet", "ip", "ip6"]
LINK = re.compile(r"\b(ether|vlan) |@ll,|\b(ibr|obr)")
# The host's: by the file's name, or a word of the rule.
HOST_FILES = {"dup", "fib", "flowtable", "ipsec", "osf", "queue", "socket", "synproxy", "tproxy"}
HOST_WORDS = re.compile(
    r"\b(fib|socket|queue|tproxy|synproxy|cgroup|skuid|skgid|[io]ifgroup|[io]iftype|rtclassid|"
    r"flow add|meta (sk[ug]id|cpu|ipsec|secpath|pkttype|[io]ifkind|nftrace|secmark|sdif|hour|"
    r"day|time|random)|rt (classid|nexthop|mtu|ipsec|ip|ip6))\b")


def kind_of(name, rule):
    base = os.path.basename(name).split(".")[0]
    if base in ("ether", "ether-ip") or LINK.search(rule):
        return "link"
    return "host" if base in HOST_FILES or HOST_WORDS.search(rule) else "core"


# ---- texts of rules

def fold(text):
    return " ".join(text.split())


def shape(text):
    """The text with the members of each { } in an order of their own."""
    words = re.findall(r'"[^"]*"|[{},]|[^\s{},"]+', re.sub(r"\s*:\s+|\s+:", ":", text))
    stack = [[[]]]  # of groups; a group is a list of members, a member a list of words
    for word in words:
        if word == "{":
            stack.append([[]])
        elif word == "}" and len(stack) > 1:
            members = sorted("".join(m) for m in stack.pop())
            stack[-1][-1].append("{%s}" % ",".join(members))
        elif word == "," and len(stack) > 1:
            stack[-1].append([])
        else:
            stack[-1][-1].append(word)
    return "|".join(" ".join(m) for group in stack for m in group)


def rules_of(listing, chain):
    """What the chain has in a listing, its declaration aside, folded to one line."""
    m = re.search(r"^\tchain %s \{\n(.*?)^\t\}$" % re.escape(chain), listing, re.M | re.S)
    lines = m.group(1).splitlines() if m else []
    return fold(" ".join(l for l in lines if not re.match(r"\t\ttype \S+ hook ", l)))


# ---- rules in JSON

def read_json(path):
    """{rule: its expressions}: a line `# RULE` and then their text.  The first of a rule counts."""
    found = {}
    if os.path.exists(path):
        with open(path) as f:
            for block in re.split(r"^# ?", f.read(), flags=re.M)[1:]:
                rule, _, text = block.partition("\n")
                try:
                    found.setdefault(fold(rule), json.loads(text))
                except ValueError:
                    pass  # some of their files have mistakes
    return found


def json_shape(value):
    """With the members of sets in an order of their own."""
    if isinstance(value, dict):
        return {k: sorted((json_shape(m) for m in v), key=lambda m: json.dumps(m, sort_keys=True))
                if k == "set" and isinstance(v, list) else json_shape(v)
                for k, v in value.items()}
    return [json_shape(v) for v in value] if isinstance(value, list) else value


# ---- lines of a file

def set_command(place, body):
    """NAME type TYPE [. TYPE]... [PROPERTY VALUE]..."""
    words = body.split()
    end = 3
    while words[end:end + 1] == ["."]:
        end += 2
    properties = ["type " + " ".join(words[2:end])]
    properties += [" ".join(words[i:i + 2]) for i in range(end, len(words), 2)]
    return "add set %s %s { %s; }" % (place, words[0], "; ".join(properties))


def element_command(place, body):
    name, elements = body.split(None, 1)
    return "add element %s %s { %s }" % (place, name, elements)


def object_command(place, body):
    """NAME type TYPE SPECIFICATION; of ct objects the type has two words."""
    name, _, what, rest = (body + " ").split(" ", 3)
    if what == "ct":
        word, rest = rest.split(None, 1)
        what += " " + word
    return "add %s %s %s %s" % (what, place, name, rest)


SETUP = {"!": set_command, "?": element_command, "%": object_command}


def setup_line(line):
    """What stands before the last semicolon that `ok` or `fail` follow."""
    m = re.match(r"(.)(.*);\s*(ok|fail)", line)
    return SETUP[m.group(1)], m.group(2).strip(), m.group(3) == "ok"


class Table:
    def __init__(self, line, chains):
        self.family, self.name, listed = line[1:].strip().split(";")
        self.chains = [(c, chains[c]) for c in listed.split(",") if c in chains]
        self.place = "%s %s" % (self.family, self.name)

    def commands(self):
        return ["add table " + self.place] + [
            "add chain %s %s { %s; }" % (self.place, c, said) for c, said in self.chains]


class Suite:
    def __init__(self, batch, folder):
        self.batch = batch
        self.folder = folder
        self.right = collections.Counter()  # by file or kind, and column
        self.cases = collections.Counter()
        self.failures = []
        self.died = 0

    def note(self, line, kind, column, good, why=""):
        for where in (self.name, kind, "all"):
            self.cases[where, column] += 1
            self.right[where, column] += bool(good)
        if not good:
            self.failures.append("%s:%d %s: %s: %s -- %s" % (
                self.name, self.number, self.where, column, line, fold(why)[:300]))

    def apply(self, text, options="-"):
        try:
            return self.batch.apply(text, options)
        except Died as e:
            self.died += 1
            self.failures.append("%s:%d: CRASH: %s\n%s" % (self.name, self.number, text, e))
            self.set_up_again()
            return None, str(e)

    def set_up_again(self):
        for command in self.commands:
            self.batch.apply(command)

    def file(self, name):
        self.name, self.number, self.where = name, 0, ""
        self.commands = []
        chains, tables = {}, []
        path = os.path.join(self.folder, name)
        self.given = read_json(path + ".json")
        self.shown = {**self.given, **read_json(path + ".json.output")}
        self.apply("flush ruleset")
        with open(path) as f:
            for self.number, line in enumerate(f, 1):
                line = line.strip()
                if not line or line[0] in "#-":
                    continue
                if line[0] == ":":
                    chain, said = line[1:].split(";", 1)
                    chains[chain] = said.strip()
                elif line[0] == "*":
                    table = Table(line, chains)
                    if table.family in FAMILIES:
                        tables.append(table)
                        self.table(table)
                elif line[0] in SETUP:
                    for table in tables:
                        self.setup(table, line)
                else:
                    self.rule(tables, line)

    def table(self, table):
        for command in table.commands():
            good, why = self.apply(command)
            self.commands.append(command)
            self.note(command, "core", "setup", good, why)

    def setup(self, table, line):
        command, body, ok = setup_line(line)
        self.where = table.place
        text = command(table.place, body)
        good, why = self.apply(text)
        if good:
            self.commands.append(text)
        self.note(text, kind_of(self.name, ""), "setup", good is not None and good == ok,
                  why if ok else "accepted")

    def rule(self, tables, line):
        words = line.split(";")
        if len(words) < 2 or words[1].strip() not in ("ok", "fail"):
            return
        rule, ok = words[0], words[1].strip() == "ok"
        listed = words[2] if len(words) > 2 else rule
        kind = kind_of(self.name, rule)
        for table in tables:
            for chain, _ in table.chains:
                self.where = "%s %s" % (table.place, chain)
                results = self.case(table, chain, rule, ok, listed)
                for column, (good, why) in results.items():
                    self.note(line, kind, column, good, why)
                self.apply("flush table " + table.place)

    def case(self, table, chain, rule, ok, listed):
        place = "%s %s" % (table.place, chain)
        good, why = self.apply("add rule %s %s" % (place, rule))
        if not ok:
            return {"verdict": (good is not None and not good, why or "accepted")}
        rule = fold(rule)
        results = dict.fromkeys(COLUMNS[1:5], (False, "not added"))
        if rule in self.shown:
            results["json"] = False, "not added"
        if rule in self.given:
            results["jsonin"] = False, "not added"
        results["verdict"] = (good, why)
        if not good:
            return results
        text = self.rules(table, chain)
        results["listed"] = (fold(listed) == text or shape(listed) == shape(text),
                             "got: " + text)
        results["saved"] = self.saved(table)
        if rule in self.shown:
            results["json"] = self.json_listed(table, chain, rule)
        self.apply("flush table " + table.place)
        if rule in self.given:
            results["jsonin"] = self.json_taken(table, chain, rule)
            self.apply("flush table " + table.place)
        good, why = self.apply("add rule %s %s" % (place, text))
        again = self.rules(table, chain)
        results["replay"] = (good and shape(again) == shape(text), why or "got: " + again)
        return results

    def rules(self, table, chain):
        good, text = self.apply("list table " + table.place, "sp")
        return rules_of(text, chain) if good else ""

    def json_listed(self, table, chain, rule):
        good, text = self.apply("list table " + table.place, "jsp")
        if not good:
            return False, text
        rules = [o["rule"]["expr"] for o in json.loads(text)["nftables"]
                 if "rule" in o and o["rule"]["chain"] == chain]
        return json_shape(rules) == json_shape([self.shown[rule]]), "got: " + json.dumps(rules)

    def json_taken(self, table, chain, rule):
        good, why = self.apply(json.dumps({"nftables": [{"add": {"rule": {
            "family": table.family, "table": table.name, "chain": chain,
            "expr": self.given[rule]}}}]}), "j")
        return self.json_listed(table, chain, rule) if good else (False, why)

    def saved(self, table):
        listing = "list table " + table.place
        before = self.apply(listing, "a")[1]
        try:
            good, text = self.batch.ask("save")
            good, text = self.batch.ask("restore", text)
        except Died as e:
            self.died += 1
            self.set_up_again()
            return False, str(e)
        if not good:
            return False, text
        after = self.apply(listing, "a")[1]
        return after == before, "got: " + after

    # ---- the report

    def row(self, where):
        shares = ["%9d/%-5d" % (self.right[where, c], self.cases[where, c]) for c in COLUMNS]
        print("%-18s" % where + "".join(shares))

    def below(self):
        """Whether the shares are reached."""
        low = []
        for kind, least in LEAST.items():
            for column, percent in least.items():
                cases, right = self.cases[kind, column], self.right[kind, column]
                if 100 * right < percent * cases:
                    low.append("%s %s: %.1f%%, and %g%% are asked for" % (
                        kind, column, 100 * right / cases, percent))
        return low


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ctl", required=True)
    parser.add_argument("--suite", default=os.environ.get("CTFW_CONFORMANCE"))
    parser.add_argument("-v", action="store_true")
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()
    folder = os.path.join(args.suite or "", "tests", "py")
    if not args.suite or not os.path.isdir(folder):
        print("CTFW_CONFORMANCE names no folder with tests/py")
        return 77

    files = args.files or [name for f in FOLDERS for name in sorted(
        os.path.relpath(path, folder) for path in glob.glob(os.path.join(folder, f, "*.t")))]
    batch = Batch(args.ctl)
    suite = Suite(batch, folder)
    print("%-18s" % "file" + "".join("%12s   " % c for c in COLUMNS))
    for name in files:
        suite.file(name)
        suite.row(name)
    print()
    for kind in ("core", "host", "link", "all"):
        suite.row(kind)
    low = [] if args.files else suite.below()
    if batch.close() or suite.died:
        low.append("%d times it crashed" % suite.died)
    if args.v or low:
        print("\n".join(suite.failures))
    print("\n".join(low))
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
