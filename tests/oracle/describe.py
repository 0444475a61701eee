"""describe.py - packets as rows that a person can read, and as rows of a scenario."""
import ipaddress
import struct

from compare import CONFIRMED
from packets import ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE

NAMES = {1: "icmp", 6: "tcp", 17: "udp", 47: "gre", 58: "icmpv6", 132: "sctp", 136: "udplite"}
CHUNKS = {0: "DATA", 1: "INIT", 2: "INIT_ACK", 3: "SACK", 4: "HEARTBEAT", 5: "HEARTBEAT_ACK",
          6: "ABORT", 7: "SHUTDOWN", 8: "SHUTDOWN_ACK", 9: "ERROR", 10: "COOKIE_ECHO",
          11: "COOKIE_ACK", 14: "SHUTDOWN_COMPLETE"}
STATES = {"established": "est", "related": "rel", "invalid": "inv", "untracked": "unt"}


def describe(packet):
    """"tcp 10.0.1.2:1000 > 10.0.2.2:80 SA seq=500 ack=101 win=8192 len=0"."""
    try:
        return described(packet)
    except (struct.error, IndexError, ValueError):
        return "%d bytes" % len(packet)


def described(packet):
    notes = ""
    if packet[0] >> 4 == 4:
        at, proto, ends = (packet[0] & 15) * 4, packet[9], (packet[12:16], packet[16:20])
        flags = struct.unpack_from(">H", packet, 6)[0]
        if flags & 0x3FFF:
            notes = " fragment of %d at %d%s" % (struct.unpack_from(">H", packet, 4)[0],
                                                 (flags & 0x1FFF) * 8, " mf" * (flags >> 13 & 1))
            if flags & 0x1FFF:
                at = len(packet)
    else:
        at, proto, ends = 40, packet[6], (packet[8:24], packet[24:40])
        while proto in (0, 43, 60, 44) and at + 8 <= len(packet):
            notes += " ext=%d" % proto
            if proto == 44:
                off = struct.unpack_from(">H", packet, at + 2)[0]
                notes += " at %d%s" % (off & 0xFFF8, " mf" * (off & 1))
                proto, at = packet[at], at + 8
                if off & 0xFFF8:
                    at = len(packet)
            else:
                proto, at = packet[at], at + 8 * (packet[at + 1] + 1)
    src, dst = (str(ipaddress.ip_address(e)) for e in ends)
    part = packet[at:]
    if proto in (TCP, UDP, SCTP, UDPLITE) and len(part) >= 4:
        src, dst = ("%s:%d" % end for end in zip((src, dst), struct.unpack_from(">HH", part)))
    return "%s %s > %s%s%s" % (NAMES.get(proto, "proto %d" % proto), src, dst,
                               transport(proto, part), notes)


def transport(proto, part):
    if proto == TCP and len(part) >= 20:
        seq, ack, off, flags, win = struct.unpack_from(">IIBBH", part, 4)
        letters = "".join(c for i, c in enumerate("FSRPAUEC") if flags >> i & 1) or "-"
        options = part[20:(off >> 4) * 4]
        return " %s seq=%d ack=%d win=%d len=%d%s" % (
            letters, seq, ack, win, len(part) - (off >> 4) * 4,
            " opt=" + options.hex() if options else "")
    if proto in (UDP, UDPLITE) and len(part) >= 8:
        return " ulen=%d len=%d sum=%#x" % (struct.unpack_from(">H", part, 4)[0], len(part) - 8,
                                            struct.unpack_from(">H", part, 6)[0])
    if proto in (ICMP, ICMPV6) and len(part) >= 8:
        error = part[0] in (3, 4, 5, 11, 12) if proto == ICMP else part[0] < 128
        about = " about (%s)" % describe(part[8:]) if error else ""
        return " %d/%d id=%d%s" % (part[0], part[1], struct.unpack_from(">H", part, 4)[0], about)
    if proto == SCTP and len(part) >= 12:
        return " vtag=%#x%s" % (struct.unpack_from(">I", part, 4)[0], chunks(part[12:]))
    return " len=%d" % len(part)


def chunks(part):
    text, at = "", 0
    while at + 4 <= len(part):
        kind, flags, length = struct.unpack_from(">BBH", part, at)
        text += " %s%s" % (CHUNKS.get(kind, kind), "/%d" % flags if flags else "")
        if length < 4:
            break
        at += (length + 3) & ~3
    return text


def state_word(state):
    if not state:
        return ""
    word = STATES.get(state[0], state[0])
    return word + "/" + state[1][0] if len(state) > 1 else word


def rows(items, play):
    """What each side said of each packet."""
    lines = []
    by_index = {}
    for index, kind, text in play.differences:
        by_index.setdefault(index, []).append(text)
    for i, (side, packet) in enumerate(items):
        if side == "wait":
            lines.append("%3d  wait %s" % (i + 1, packet))
            continue
        lines.append("%3d  %-4s %s" % (i + 1, side or "host", describe(packet)))
        if i < len(play.told):
            ours, theirs, entry = play.told[i]
            o = ours["outcome"]
            lines.append("       engine %s %s, kernel %s %s%s" % (
                state_word([o["ct"]["state"]] + [o["ct"].get("direction")] *
                           ("direction" in o["ct"])),
                o["verdict"], state_word(theirs["state"]), theirs["verdict"],
                "; " + entry_words(entry) if entry else ""))
        lines += ["       " + text for text in by_index.get(i, [])]
    lines += ["at the end: " + text for text in by_index.get(len(items), [])]
    return "\n".join(lines)


def entry_words(entry):
    words = [str(entry["timeout"])]
    if "state" in entry:
        words.append(entry["state"])
    words += ["packets=%d,%d" % tuple(entry["packets"]), "status=%#x" % entry["status"]]
    return " ".join(words)


def expected(theirs, entry):
    """What stands behind => in a scenario: what the kernel said."""
    words = [state_word(theirs["state"])] if theirs["state"] else []
    words.append(theirs["verdict"] if not theirs["answers"] else "reject")
    if not entry or not entry["status"] & CONFIRMED:
        return " ".join(words)
    words.append(" |")
    if "state" in entry:
        words.append(entry["state"])
    words += ["[UNREPLIED]"] * (not entry["status"] & 2) + ["[ASSURED]"] * bool(entry["status"] & 4)
    words.append("packets=%d,%d" % tuple(entry["packets"]))
    return " ".join(words)


def scenario(items, play, title, ruleset):
    lines = ["scenario " + title, "local 10.8.0.1@wg0", "local fd08::1@wg0", "local 192.0.2.1@eth0",
             "local 2001:db8::1@eth0", "route 10.8.0.0/24=wg0", "route fd08::/64=wg0",
             "route 0.0.0.0/0=eth0", "route ::/0=eth0", "ruleset", ruleset.rstrip("\n"), "end"]
    for i, (side, packet) in enumerate(items):
        if side == "wait":
            lines.append("wait %s" % packet)
        elif i < len(play.told):
            _, theirs, entry = play.told[i]
            lines.append("# %s" % describe(packet))
            lines.append("raw %s => %s" % (packet.hex(), expected(theirs, entry)))
    return "\n".join(lines)
