"""generated.py - generated streams and records compared, and a difference told so that it can be
understood: the shortest stream that shows it, as rows to read and as a scenario to keep."""
import random
import time
from collections import Counter

from describe import rows, scenario
from play import Play, shrink
from streams import PROTOCOLS

# Conntrack's least timer runs 2 s: a stream is through before.
SECONDS = 1.6
TRIES = 8
REPEATS = 3
REPORTS = 3

ACCEPT = """table inet filter {
	chain forward {
		type filter hook forward priority 0; policy accept;
		ct state new
	}
}
"""
NO_INVALID = """table inet filter {
	chain forward {
		type filter hook forward priority 0; policy accept;
		ct state invalid drop
	}
	chain input {
		type filter hook input priority 0; policy accept;
		ct state invalid drop
	}
}
"""
FROM_VPN = """table inet filter {
	chain forward {
		type filter hook forward priority 0; policy drop;
		ct state established,related accept
		iifname "wg0" ct state new,untracked accept
	}
	chain input {
		type filter hook input priority 0; policy drop;
		ct state established,related accept
		iifname "wg0" accept
	}
}
"""
RECORD_CONFIG = {"helpers": "ftp,tftp,sip,irc"}
RULESETS = [ACCEPT, NO_INVALID, FROM_VPN]


def compare(driver, protocol, seed, count):
    """The number of streams that differ."""
    r = random.Random("%s %d" % (protocol, seed))
    walk = PROTOCOLS[protocol](r)
    done = failed = accepted = 0
    start = time.monotonic()
    while done < count and failed < REPORTS:
        ruleset = r.choice(walk.rulesets or RULESETS)
        items = walk.stream(min(walk.batch, count - done))
        play = attempt(driver, ruleset, items, walk.config, walk.chance)
        done += len(items)
        accepted += sum(t is not None and t[1]["verdict"] == "accept" for t in play.told)
        if play.differences:
            failed += 1
            report(driver, ruleset, items, play, protocol, seed, walk.config)
    print("%-10s seed %-4d %6d packets, %6d accepted, %d differences, %.1f s" % (
        protocol, seed, done, accepted, failed, time.monotonic() - start), flush=True)
    return failed


def compare_record(driver, name, items, seed):
    """What a program said; helpers read along.  Whether it differs."""
    if items is None:
        print("%-22s the program is missing" % name, flush=True)
        return 0
    play = attempt(driver, FROM_VPN, items, RECORD_CONFIG)
    if play.differences:
        report(driver, FROM_VPN, items, play, name, seed, RECORD_CONFIG)
    print("%-22s seed %-4d %6d packets, %6d accepted, %s" % (
        name, seed, len(items), sum(t[1]["verdict"] == "accept" for t in play.told),
        "a difference" if play.differences else "no difference"), flush=True)
    return bool(play.differences)


def attempt(driver, ruleset, items, config=None, chance=False):
    """On a busy machine a stream may have taken so long that timers ran: then once more.  In
    one that waits a packet may come within a jiffy of a timer's end, and in one with chance
    either side may draw what the other one has kept: there a difference is one that comes again
    and again at the same packet."""
    waits = sum(packet for side, packet in items if side == "wait")
    seen = Counter()
    for _ in range(TRIES):
        play = once(driver, ruleset, items, config)
        if play.seconds >= SECONDS + waits:
            continue
        if not play.differences or not (waits or chance):
            break
        place = play.differences[0][:2]
        seen[place] += 1
        if seen[place] == REPEATS:
            break
    return play


def once(driver, ruleset, items, config=None):
    play = Play(ruleset, driver, config=config)
    try:
        return play.run(items)
    finally:
        play.close()


def report(driver, ruleset, items, play, protocol, seed, config=None):
    index, kind, text = play.differences[0]
    print("%s, seed %d: packet %d of %d: %s" % (protocol, seed, index + 1, len(items), text))
    shortest = shrink(items[:index + 1], kind, lambda some: once(driver, ruleset, some, config))
    last = once(driver, ruleset, shortest, config)
    if not last.differences:
        print("  and not again\n", flush=True)
        return
    print("The shortest stream that shows it:\n")
    print(rows(last.sent, last))
    print("\nAs a scenario, with the kernel's answers:\n")
    print(scenario(last.sent, last, "%s %d" % (protocol, seed), ruleset), flush=True)
