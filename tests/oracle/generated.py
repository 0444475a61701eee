"""generated.py - generated streams compared, and a difference told so that it can be understood:
the shortest stream that shows it, as rows to read and as a scenario to keep."""
import random
import time

from describe import rows, scenario
from play import Play, shrink
from streams import PROTOCOLS

# Conntrack's least timer runs 2 s: a stream of so many packets is through before.
BATCH = 1000
SECONDS = 1.6
TRIES = 3
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
RULESETS = {"all accepted": ACCEPT, "but invalid ones": NO_INVALID, "from the VPN": FROM_VPN}


def compare(driver, protocol, seed, count):
    """The number of streams that differ."""
    r = random.Random("%s %d" % (protocol, seed))
    walk = PROTOCOLS[protocol](r)
    done = failed = accepted = 0
    start = time.monotonic()
    while done < count and failed < REPORTS:
        ruleset = RULESETS[r.choice(list(RULESETS))]
        items = walk.stream(min(BATCH, count - done))
        play = attempt(driver, ruleset, items)
        done += len(items)
        accepted += sum(t is not None and t[1]["verdict"] == "accept" for t in play.told)
        if play.differences:
            failed += 1
            report(driver, ruleset, items, play, protocol, seed)
    print("%-10s seed %-4d %6d packets, %6d accepted, %d differences, %.1f s" % (
        protocol, seed, done, accepted, failed, time.monotonic() - start), flush=True)
    return failed


def attempt(driver, ruleset, items):
    """On a busy machine a stream may have taken so long that timers ran: then once more."""
    waits = sum(packet for side, packet in items if side == "wait")
    for _ in range(TRIES):
        play = once(driver, ruleset, items)
        if play.seconds < SECONDS + waits:
            break
    return play


def once(driver, ruleset, items):
    play = Play(ruleset, driver)
    try:
        return play.run(items)
    finally:
        play.close()


def report(driver, ruleset, items, play, protocol, seed):
    index, kind, text = play.differences[0]
    print("%s, seed %d: packet %d of %d: %s" % (protocol, seed, index + 1, len(items), text))
    shortest = shrink(items[:index + 1], kind, lambda some: once(driver, ruleset, some))
    last = once(driver, ruleset, shortest)
    if not last.differences:
        print("  and not again\n", flush=True)
        return
    print("The shortest stream that shows it:\n")
    print(rows(shortest, last))
    print("\nAs a scenario, with the kernel's answers:\n")
    print(scenario(shortest, last, "%s %d" % (protocol, seed), ruleset), flush=True)
