"""compare.py - what differs between the engine's answer to a packet and the kernel's.

A difference is (kind, text): the kind is a word or two that stays the same when the stream is
made shorter.
"""
import ipaddress

import stream_nat
from packets import ICMP, ICMPV6, checksum, with_checksum

EXPECTED, SEEN_REPLY, ASSURED, CONFIRMED = 1, 2, 4, 8
DYING = 1 << 9
# What the kernel notes about NAT that was decided not to happen; and the bit of a helper, which
# the engine sets too where an expectation or a rule's `ct expectation` gave the flow one.
STATUS_MASK = ~(1 << 7 | 1 << 8 | 1 << 13)
# Milliseconds by which a timer may differ: the kernel counts in jiffies, of 4 ms mostly, and the
# packet's time was read before it was written.
CLOCK = 30


def transport(packet):
    """The protocol behind the IP header, and behind an extension header of eight bytes."""
    if len(packet) < 40:
        return packet[9] if len(packet) >= 20 else 0
    if packet[0] >> 4 == 4:
        return packet[9]
    return packet[40] if packet[6] in (0, 43, 60) and len(packet) > 40 else packet[6]


# ---- what went out

def answer(packet):
    """An answer without what the host chooses, the IPv4 identification, and without the TTL of the
    packet that it quotes: the kernel has counted the hop down by then, the engine leaves that to
    it.  Checksums that follow from these are left out too."""
    p = bytearray(packet)
    at, quoted = (20, 28) if p[0] >> 4 == 4 else (40, 48)
    if at == 20:
        p[4:6] = p[10:12] = b"\0\0"
    if p[9 if at == 20 else 6] in (ICMP, ICMPV6):
        p[at + 2:at + 4] = b"\0\0"
        if at == 20:
            p[quoted + 8] = 0
            p[quoted + 10:quoted + 12] = b"\0\0"
        else:
            p[quoted + 7] = 0
    return bytes(p)


def forwarded(packet):
    """A packet without what the kernel does to it behind the engine: it counts down the TTL and
    fills in routes and times that options ask for, so that the header's checksum changes; it
    chooses the identification of IPv6 fragments."""
    p = bytearray(packet)
    if p[0] >> 4 == 4:
        options = p[20:(p[0] & 15) * 4]
        if options[:1] in (b"\7", b"\x44"):
            p[20:20 + len(options)] = bytes(len(options))
        p[8] = 0
        p[10:12] = b"\0\0"
    else:
        p[7] = 0
        if p[6] == 44 and len(p) >= 48:
            p[44:48] = b"\0\0\0\0"
    return bytes(p)


def header_checksum_right(packet):
    return packet[0] >> 4 != 4 or checksum(packet[:(packet[0] & 15) * 4]) == 0


def hexes(packets):
    return "[%s]" % ", ".join(p.hex() for p in packets)


def same_choice(mine, got, port):
    """Whether two packets differ in no more than a port or id that NAT chose at random for each,
    of one class, in the place of this one."""
    if len(mine) != len(got) or len(mine) < 28:
        return False
    a, b = bytearray(forwarded(mine)), bytearray(forwarded(got))
    at = stream_nat.chosen_at(mine)
    sums = {6: 16, 17: 6, 136: 6, ICMP: 2, ICMPV6: 2, 132: 8}
    transport_at, proto = stream_nat.Ends(mine).at, stream_nat.Ends(mine).proto
    if len(mine) < at + 2 or proto not in sums:
        return False
    ports = [int.from_bytes(p[at:at + 2], "big") for p in (a, b)]
    classes = [stream_nat.port_class(p) for p in ports]
    if port in ports or (classes[0] != classes[1] and proto not in (ICMP, ICMPV6)):
        return False
    field = transport_at + sums[proto]
    for p in a, b:
        p[at:at + 2] = b"\0\0"
        p[field:field + (4 if proto == 132 else 2)] = bytes(4 if proto == 132 else 2)
    return a == b and transport_sum_right(mine, transport_at, proto)


def transport_sum_right(packet, at, proto):
    four = packet[0] >> 4 == 4
    ends = [ipaddress.ip_address(e) for e in
            ((packet[12:16], packet[16:20]) if four else (packet[8:24], packet[24:40]))]
    if proto == 17 and packet[at + 6:at + 8] == b"\0\0":
        return True
    return with_checksum(*ends, proto, packet[at:]) == packet[at:]


def emission(ours, theirs):
    """The bytes that each emitted.  What was for the host itself did not leave the kernel."""
    mine = [bytes.fromhex(p) for p in ours["out"]]
    if ours["outcome"]["verdict"] == "accept":
        if not all(header_checksum_right(p) for p in mine):
            yield "checksum", "the IPv4 header's checksum is wrong: " + hexes(mine)
        got = theirs["out"] or theirs["delivered"]
        # A datagram that came in pieces is delivered whole, and goes out in pieces.
        pieces = not theirs["out"] and len(mine) > 1
        if theirs.get("port") is not None and len(mine) == len(got) == 1 and \
                same_choice(mine[0], got[0], theirs["port"]):
            return
        if got and not pieces and [forwarded(p) for p in mine] != [forwarded(p) for p in got]:
            yield "emitted", "emitted: %s\n    the kernel: %s" % (hexes(mine), hexes(got))
        return
    # What its IP layer refuses before the first hook, the kernel may tell the sender; the engine
    # drops it and counts the reason.
    limited = theirs["may_lack_answers"] if not theirs["answers"] else not theirs["state"]
    if [answer(p) for p in mine] != [answer(p) for p in theirs["answers"]] and not limited:
        yield "answer", "answer: %s\n    the kernel's: %s" % (hexes(mine),
                                                          hexes(theirs["answers"]))


# ---- entries

def timer_differs(ours, theirs, late):
    """ours: milliseconds; theirs: whole seconds, looked at up to `late` ms later."""
    return not (max(ours - CLOCK - late, 0) // 1000 <= theirs <= (ours + CLOCK) // 1000)


def entry_differences(ours, theirs, late):
    """Keys in which two entries differ."""
    for key in sorted(ours.keys() | theirs.keys()):
        a, b = ours.get(key), theirs.get(key)
        if key == "timeout":
            differs = timer_differs(a, b, late)
            a = "%d.%03d" % divmod(a, 1000)
        elif key == "status":
            a, b = a & STATUS_MASK, b & STATUS_MASK
            differs = a != b
            a, b = hex(a), hex(b)
        elif key == "tuple":
            differs = a != b and not same_tuples(a, b)
        else:
            differs = a != b
        if differs:
            yield "entry's " + key, "the entry's %s: %s, the kernel's: %s" % (key, a, b)


def same_tuples(a, b):
    """Or tuples that differ in a port alone that NAT chose at random, of one class."""
    original, (x, y) = a[0].split(), (t[1].split() for t in (a, b))
    at = 2 if original[0] in ("1", "58") else 5
    chosen = [int(t[at]) for t in (x, y)]
    kept = int(original[2]) in chosen
    alike = at == 2 or stream_nat.port_class(chosen[0]) == stream_nat.port_class(chosen[1])
    x[at] = y[at] = ""
    return a[0] == b[0] and x == y and alike and not kept


def alive(entry):
    return entry is not None and entry["timeout"] > 0 and \
        entry["status"] & (CONFIRMED | DYING) == CONFIRMED


def entry_of_packet(ours, entry, late):
    """entry: the kernel's of the same original tuple, None without one."""
    mine = ours.get("entry")
    if not alive(mine):
        if entry:
            yield "entry", "no entry is left, the kernel's: %s" % entry
    elif not entry:
        yield "entry", "the entry, which the kernel has not: %s" % mine
    else:
        yield from entry_differences(mine, entry, late)


def table_differences(ours, theirs, late):
    """All entries of both sides."""
    a = {(f["tuple"][0], str(f["zone"])): f for f in ours}
    b = {(f["tuple"][0], str(f["zone"])): f for f in theirs}
    for key in sorted(a.keys() - b.keys()):
        if a[key]["timeout"] > CLOCK + late:
            yield "table", "only the engine has: %s" % a[key]
    for key in sorted(b.keys() - a.keys()):
        if b[key]["timeout"] > (CLOCK + late) // 1000:
            yield "table", "only the kernel has: %s" % b[key]
    for key in sorted(a.keys() & b.keys()):
        for kind, text in entry_differences(a[key], b[key], late):
            yield kind, "%s: %s" % (key[0], text)


def expectation_differences(ours, theirs, late):
    def named(expectations):
        return {(e["master"], e["tuple"], e["mask"]): e for e in expectations}

    a, b = named(ours), named(theirs)
    for key in sorted(a.keys() - b.keys()):
        yield "expectation", "only the engine expects: %s" % a[key]
    for key in sorted(b.keys() - a.keys()):
        yield "expectation", "only the kernel expects: %s" % b[key]
    for key in sorted(a.keys() & b.keys()):
        for kind, text in entry_differences(a[key], b[key], late):
            yield "expected " + kind, "%s, expected: %s" % (key[1], text)


# ---- packets

def differences(ours, theirs):
    """Between the engine's answer and the kernel's result of one packet, without its entry."""
    o = ours["outcome"]
    if (o["verdict"] == "accept") != (theirs["verdict"] == "accept"):
        yield "verdict", "verdict: %s by %s, the kernel's: %s" % (o["verdict"], o["by"],
                                                              theirs["verdict"])
    # Only a packet that raw chains let through has a state to compare; one with an address that no
    # wire may carry the kernel refuses behind conntrack, and the engine before.
    if theirs["state"] and o["by"] != "martian-address":
        state = [o["ct"]["state"], o["ct"].get("direction")]
        want = theirs["state"] + [None] * (2 - len(theirs["state"]))
        if state != want:
            yield "state", "state: %s, the kernel's: %s" % (state, want)
    if ours["log"] != theirs["log"]:
        yield "rules", "rules that matched: %s, the kernel's: %s" % (ours["log"], theirs["log"])
    yield from emission(ours, theirs)


