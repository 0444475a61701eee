#!/usr/bin/env python3
"""demo.py PREFIX CTFWCTL - try what the rules of conf/demo allow and forbid, and tell.

Namespaces PREFIX-client, -host, -server are up, with services in them (tests/net/lib.sh),
and a ctfwd filters in the host; CTFW_SOCKET says where.  For each try the counters of
all rules and of all drop reasons are read before and after: what has risen is who judged.

Exit status 1 when anything went otherwise than the rules say.
"""
import json
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TRAFFIC = os.path.join(HERE, "..", "tests", "net", "traffic.py")
PREFIX, CTFWCTL = sys.argv[1:3]

ADDRESSES = {
    "client": ("10.8.0.2", "fd08::2"),
    "host": ("10.8.0.1", "fd08::1"),
    "server": ("203.0.113.10", "2001:db8:113::10"),
}
# Who is not there: a source that no client behind wg0 may have.
STRANGER = ("192.0.2.66", "2001:db8:bad::66")

# from, to, what, how (traffic.py's words), what is seen, how the judging rule begins.
TRIES = [
    ("client", "host", "ssh", "tcp 22", "open", "input: tcp dport 22"),
    ("client", "host", "web", "tcp 80", "open", "input: tcp dport 80"),
    ("client", "host", "another port", "tcp 8080", "silent", "input: drop"),
    ("client", "host", "ping", "ping", "answered", "input: meta l4proto"),
    ("client", "host", "question, answer", "udp 53", "answered", "input: udp dport 53"),
    ("client", "host", "stray ACK", "ack 22", "silent", "input: ct state invalid"),
    ("client", "host", "forged source", "forge 53", "silent", "spoofed-source"),
    ("client", "server", "ssh", "tcp 22", "open", 'forward: iifname "wg0" tcp dport'),
    ("client", "server", "web", "tcp 80", "open", 'forward: iifname "wg0" tcp dport'),
    ("client", "server", "another port", "tcp 8080", "refused",
     'forward: iifname "wg0" meta l4proto tcp reject'),
    ("client", "server", "ping", "ping", "answered", 'forward: iifname "wg0" meta l4proto {'),
    ("client", "server", "question, answer", "udp 53", "answered",
     'forward: iifname "wg0" udp dport 53'),
    ("client", "server", "another port", "udp 7", "refused", 'forward: iifname "wg0" reject'),
    ("client", "server", "stray ACK", "ack 80", "silent", "forward: ct state invalid"),
    ("server", "client", "ssh", "tcp 22", "silent", "forward: policy drop"),
    ("server", "client", "ping", "ping", "silent", "forward: policy drop"),
    ("host", "client", "ping", "ping", "answered", "output: meta l4proto"),
    ("host", "client", "web", "tcp 80", "silent", "output: policy drop"),
]
VERDICTS = {"accept": ("open", "answered"), "drop": ("silent",), "reject": ("refused",)}
HOOKS = {("client", "host"): "input", ("host", "client"): "output"}


class Paint:
    """Colours on a terminal, unless NO_COLOR (no-color.org)."""
    on = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def __call__(self, code, text):
        return "\033[%sm%s\033[0m" % (code, text) if self.on else text


paint = Paint()


def ctl(*args):
    return subprocess.run([CTFWCTL, *args], check=True, capture_output=True, text=True).stdout


class State:
    """Counters of rules and of drop reasons at one instant."""

    def __init__(self):
        self.rules, self.text = {}, {}
        chain = None
        for line in ctl("-a", "list", "ruleset").splitlines():
            line, _, handle = line.strip().partition(" # handle ")
            if line.startswith("chain "):
                chain = line.split()[1]
            m = re.search(r"counter packets (\d+) bytes \d+ ?", line)
            if m:
                key = (chain, int(handle))
                self.rules[key] = int(m.group(1))
                self.text[key] = (line[:m.start()] + line[m.end():]).strip()
        self.drops = json.loads(ctl("status", "-j"))["drops"]


def judge(before, after, hook):
    """Who judged: (verdict, chain, handle, words); None when nobody did.

    Rules for what is known already count all the time: there is an ssh session."""
    for key in after.rules:
        text = after.text[key]
        if after.rules[key] > before.rules.get(key, 0) and \
           not text.startswith("ct state established"):
            verdict = next((v for v in VERDICTS if v in text.split()), "?")
            return verdict, key[0], key[1], text
    for reason, count in after.drops.items():
        if count > before.drops.get(reason, 0) and reason not in ("rule", "reject"):
            if reason == "policy":
                return "drop", hook, None, "policy drop"
            return "drop", None, None, reason
    return None


def watch(before, hook):
    """Who judged since then, and the new state.  What nobody answers may be under way."""
    end = time.monotonic() + 1
    while True:
        after = State()
        judged = judge(before, after, hook)
        if judged or time.monotonic() > end:
            return judged or ("?", None, None, "nobody"), after
        time.sleep(0.05)


def attempt(source, target, how, version):
    """One word: what was seen from outside."""
    kind, _, port = how.partition(" ")
    address = ADDRESSES[target][version]
    enter = ["ip", "netns", "exec", "%s-%s" % (PREFIX, source)]
    if kind == "ping":
        command = ["ping", "-n", "-q", "-c1", "-W1", address]
        done = subprocess.run(enter + command, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
        return "silent" if done.returncode else "answered"
    if kind == "forge":
        command = [TRAFFIC, kind, STRANGER[version], address, port]
    else:
        command = [TRAFFIC, kind, address, port]
    done = subprocess.run(enter + command, capture_output=True, text=True)
    word = done.stdout.split()[0] if done.stdout else "error: " + done.stderr.strip()
    return "silent" if kind == "forge" else word


def colour(word):
    return {"accept": "32", "drop": "31", "reject": "33"}[
        next((v for v, words in VERDICTS.items() if word == v or word in words), "drop")]


def cell(text, width):
    return paint(colour(text), text.ljust(width))


def show(source, target, what, how, seen, verdict, rule):
    kind = "" if how == "ping" else how.replace("ack", "tcp").replace("forge", "udp")
    print("  %-6s > %-6s  %-16s %-8s  %s %s  %s %s" % (
        source, target, what, kind, cell(seen[0], 9), cell(seen[1], 9), cell(verdict, 7), rule),
        flush=True)


def main():
    print(paint("1", "  %-6s   %-6s  %-16s %-8s  %-9s %-9s  %-7s %s" % (
        "from", "to", "what", "", "IPv4", "IPv6", "verdict", "by chain, handle, rule")))
    wrong = tries = 0
    last = None
    before = State()
    for source, target, what, how, expected, by in TRIES:
        if last not in (None, (source, target)):
            print()
        last = source, target
        seen, judges = [], []
        for version in (0, 1):
            seen.append(attempt(source, target, how, version))
            judged, before = watch(before, HOOKS.get((source, target), "forward"))
            judges.append(judged)
        for version in (0, 1):
            verdict, chain, handle, words = judges[version]
            tries += 1
            told = "%s: %s" % (chain, words) if chain else words
            rule = "%-7s %2s  %s" % (chain, handle or "", words) if chain else words
            right = seen[version] == expected and told.startswith(by) and \
                expected in VERDICTS.get(verdict, ())
            if version == 0 or judges[1] != judges[0]:
                show(source, target, what, how, seen, verdict, rule)
            if not right:
                wrong += 1
                print(paint("1;31", "    WRONG over IPv%d: expected %s by %s; seen %s by %s" % (
                    (4, 6)[version], expected, by, seen[version], told)))
    print()
    if wrong:
        print(paint("1;31", "%d of %d tries ended otherwise than the rules say." % (wrong, tries)))
    else:
        print("All %d tries ended as the rules say." % tries)
    sys.exit(1 if wrong else 0)


try:
    main()
except KeyboardInterrupt:
    sys.exit(130)
