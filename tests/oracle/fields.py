"""fields.py - what a rule can look at, one row each, and where packets have it.

Constants of generated rules are read off the packets that are to come, so that they match: a row
says where.  A new selector of the language is a row here.
"""
import ipaddress
import struct
from collections import namedtuple

from anything import (AH, COMP, DCCP, DSTOPTS, ESP, FRAGMENT, HOPOPTS, IGMP, IPIP, MOBILITY,
                      ROUTING)
from packets import GRE, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE

PROTOCOLS = {"tcp": TCP, "udp": UDP, "udplite": UDPLITE, "sctp": SCTP, "dccp": DCCP, "ah": AH,
             "esp": ESP, "comp": COMP, "icmp": ICMP, "icmpv6": ICMPV6, "igmp": IGMP, "gre": GRE}
EXTENSIONS = (HOPOPTS, ROUTING, FRAGMENT, DSTOPTS, MOBILITY)

# A place is (header, bit offset, bits): header "ip", "ip6", "th", a protocol's name, ("ext", type),
# ("option", type) of IPv4's, ("tcp", kind) of TCP's options, ("chunk", type) of SCTP's.


def headers(packet):
    """{header: where it begins} of a packet."""
    found = {}
    if packet[0] >> 4 == 4:
        found["ip"] = 0
        proto, at = packet[9], (packet[0] & 15) * 4
        options_of(packet, 20, at, "option", found)
    else:
        found["ip6"] = 0
        proto, at = packet[6], 40
        while proto in EXTENSIONS and at + 8 <= len(packet):
            found.setdefault(("ext", proto), at)
            proto, at = packet[at], at + (8 if proto == FRAGMENT else 8 + packet[at + 1] * 8)
    found["th"] = at
    for name, number in PROTOCOLS.items():
        if number == proto:
            found[name] = at
    inner = inside(proto, packet[at:])
    if inner is not None:
        found["ih"] = at + inner
    if proto == TCP and at + 20 <= len(packet):
        options_of(packet, at + 20, min(at + (packet[at + 12] >> 4) * 4, len(packet)), "tcp",
                   found)
    if proto == SCTP:
        chunk = at + 12
        while chunk + 4 <= len(packet):
            found.setdefault(("chunk", packet[chunk]), chunk)
            chunk += max(struct.unpack_from(">H", packet, chunk + 2)[0] + 3 & ~3, 4)
    return found


def inside(proto, transport):
    """How long the header is before what a protocol carries; None: nothing is inside."""
    if proto == UDP:
        return 8
    if proto == TCP and len(transport) >= 20:
        return (transport[12] >> 4) * 4
    if proto == GRE and len(transport) >= 4 and not transport[0] & 0x40 and not transport[1] & 7:
        return 4 + 4 * bin(transport[0] & 0xB0).count("1")
    return 0 if proto == IPIP else None


def options_of(packet, at, end, what, found):
    while at < end and packet[at]:
        found.setdefault((what, packet[at]), at)
        if packet[at] == 1:
            at += 1
        elif at + 1 < end and packet[at + 1] > 1:
            at += packet[at + 1]
        else:
            break


def read(packet, found, place):
    """The bits there; None where the packet has not got them."""
    header, offset, bits = place
    if header not in found:
        return None
    at = found[header] * 8 + offset
    if at + bits > len(packet) * 8:
        return None
    whole = int.from_bytes(packet[at // 8:(at + bits + 7) // 8], "big")
    return whole >> (-(at + bits) % 8) & (1 << bits) - 1


# ---- kinds of values: how constants are written, and what can be asked of them

Domain = namedtuple("Domain", "bits text words", defaults=[None])


def number(bits):
    return Domain(bits, str)


def hexadecimal(bits):
    return Domain(bits, hex)


def words(*some):
    return Domain(0, str, some)


ADDR4 = Domain(32, lambda n: str(ipaddress.IPv4Address(n)))
ADDR6 = Domain(128, lambda n: str(ipaddress.IPv6Address(n)))
PORT, PROTO = number(16), number(8)

# values: instead of a place, what may be asked; l3, l4: what the rule must be about, "flow": no
# header at all.
Field = namedtuple("Field", "text domain place l3 l4 values")


def field(text, domain, place=None, l3=None, l4=None, values=None):
    header = place[0] if place else None
    if header in ("ip", "ip6"):
        l3 = header
    elif header in PROTOCOLS:
        l4 = header
    elif isinstance(header, tuple):
        l3 = {"ext": "ip6", "option": "ip"}.get(header[0], l3)
        l4 = {"tcp": "tcp", "chunk": "sctp"}.get(header[0], l4)
    return Field(text, domain, place, l3, l4, values)


def scalars(name, *rows):
    """Numbers of one header: (key, bit offset, bits)."""
    return [field("%s %s" % (name, key), number(bits), (name, offset, bits))
            for key, offset, bits in rows]


def ports(name):
    return scalars(name, ("sport", 0, 16), ("dport", 16, 16))


def within(name, header, *rows):
    """Numbers of an option, a chunk or an extension header."""
    return [field("%s %s" % (name, key), number(bits), (header, offset, bits))
            for key, offset, bits in rows]


def raw(base, header, *rows):
    """@base,offset,length; of whole bytes: nft lists others by masks and shifts."""
    return [field("@%s,%d,%d" % (base, offset, bits), hexadecimal(bits), (header, offset, bits))
            for offset, bits in rows]


FIELDS = (
    scalars("ip", ("version", 0, 4), ("hdrlength", 4, 4), ("dscp", 8, 6), ("ecn", 14, 2),
            ("length", 16, 16), ("id", 32, 16), ("frag-off", 51, 13), ("ttl", 64, 8),
            ("protocol", 72, 8), ("checksum", 80, 16)) +
    [field("ip saddr", ADDR4, ("ip", 96, 32)), field("ip daddr", ADDR4, ("ip", 128, 32))] +
    scalars("ip6", ("version", 0, 4), ("dscp", 4, 6), ("ecn", 10, 2), ("flowlabel", 12, 20),
            ("length", 32, 16), ("nexthdr", 48, 8), ("hoplimit", 56, 8)) +
    [field("ip6 saddr", ADDR6, ("ip6", 64, 128)), field("ip6 daddr", ADDR6, ("ip6", 192, 128))] +
    ports("tcp") + ports("udp") + ports("udplite") + ports("sctp") + ports("dccp") +
    # Where the rule is about one protocol, nft may list these as fields of it.
    [field("th sport", PORT, ("th", 0, 16), l4="any"),
     field("th dport", PORT, ("th", 16, 16), l4="any")] +
    scalars("tcp", ("sequence", 32, 32), ("ackseq", 64, 32), ("doff", 96, 4),
            ("reserved", 100, 4), ("flags", 104, 8), ("window", 112, 16), ("checksum", 128, 16),
            ("urgptr", 144, 16)) +
    scalars("udp", ("length", 32, 16), ("checksum", 48, 16)) +
    scalars("udplite", ("checksum", 48, 16)) +
    scalars("sctp", ("vtag", 32, 32), ("checksum", 64, 32)) +
    scalars("dccp", ("type", 67, 4)) +
    scalars("ah", ("hdrlength", 8, 8), ("reserved", 16, 16), ("spi", 32, 32),
            ("sequence", 64, 32)) +
    scalars("esp", ("spi", 0, 32), ("sequence", 32, 32)) +
    scalars("comp", ("flags", 8, 8), ("cpi", 16, 16)) +
    scalars("icmp", ("type", 0, 8), ("code", 8, 8), ("checksum", 16, 16), ("id", 32, 16),
            ("sequence", 48, 16), ("mtu", 48, 16), ("gateway", 32, 32)) +
    scalars("icmpv6", ("type", 0, 8), ("code", 8, 8), ("checksum", 16, 16), ("id", 32, 16),
            ("sequence", 48, 16), ("mtu", 32, 32), ("packet-too-big", 32, 32),
            ("parameter-problem", 32, 32), ("max-delay", 32, 16)) +
    scalars("igmp", ("type", 0, 8), ("mrt", 8, 8), ("checksum", 16, 16)) +
    [field("igmp group", ADDR4, ("igmp", 32, 32))] +
    within("tcp option maxseg", ("tcp", 2), ("kind", 0, 8), ("length", 8, 8), ("size", 16, 16)) +
    within("tcp option window", ("tcp", 3), ("kind", 0, 8), ("length", 8, 8), ("count", 16, 8)) +
    within("tcp option sack-perm", ("tcp", 4), ("kind", 0, 8), ("length", 8, 8)) +
    within("tcp option sack0", ("tcp", 5), ("left", 16, 32), ("right", 48, 32)) +
    within("tcp option sack1", ("tcp", 5), ("left", 80, 32), ("right", 112, 32)) +
    within("tcp option timestamp", ("tcp", 8), ("tsval", 16, 32), ("tsecr", 48, 32),
           ("kind", 0, 8), ("length", 8, 8)) +
    within("tcp option fastopen", ("tcp", 34), ("length", 8, 8)) +
    within("tcp option mptcp", ("tcp", 30), ("subtype", 16, 4)) +
    [field("tcp option @253,16,16", hexadecimal(16), (("tcp", 253), 16, 16)),
     field("tcp option %s" % "nop", words("exists", "missing"), (("tcp", 1), 0, 8))] +
    [field("tcp option " + name, words("exists", "missing"), (("tcp", kind), 0, 8))
     for name, kind in [("maxseg", 2), ("window", 3), ("sack-perm", 4), ("timestamp", 8),
                        ("sack", 5), ("mptcp", 30), ("fastopen", 34), ("19", 19)]] +
    within("ip option rr", ("option", 7), ("type", 0, 8), ("length", 8, 8), ("ptr", 16, 8)) +
    [field("ip option rr addr", ADDR4, (("option", 7), 24, 32))] +
    within("ip option lsrr", ("option", 131), ("length", 8, 8), ("ptr", 16, 8)) +
    within("ip option ssrr", ("option", 137), ("length", 8, 8), ("ptr", 16, 8)) +
    within("ip option ra", ("option", 148), ("type", 0, 8), ("length", 8, 8), ("value", 16, 16)) +
    [field("ip option " + name, words("exists", "missing"), (("option", kind), 0, 8))
     for name, kind in [("rr", 7), ("lsrr", 131), ("ssrr", 137), ("ra", 148)]] +
    [field("exthdr " + name, words("exists", "missing"), (("ext", kind), 0, 8))
     for name, kind in [("hbh", HOPOPTS), ("dst", DSTOPTS), ("rt", ROUTING), ("frag", FRAGMENT),
                        ("mh", MOBILITY)]] +
    within("hbh", ("ext", HOPOPTS), ("nexthdr", 0, 8), ("hdrlength", 8, 8)) +
    within("dst", ("ext", DSTOPTS), ("nexthdr", 0, 8), ("hdrlength", 8, 8)) +
    within("rt", ("ext", ROUTING), ("nexthdr", 0, 8), ("hdrlength", 8, 8), ("type", 16, 8),
           ("seg-left", 24, 8)) +
    within("srh", ("ext", ROUTING), ("last-entry", 32, 8), ("flags", 40, 8), ("tag", 48, 16)) +
    within("frag", ("ext", FRAGMENT), ("nexthdr", 0, 8), ("reserved", 8, 8), ("frag-off", 16, 13),
           ("reserved2", 29, 2), ("more-fragments", 31, 1), ("id", 32, 32)) +
    within("mh", ("ext", MOBILITY), ("nexthdr", 0, 8), ("hdrlength", 8, 8), ("type", 16, 8),
           ("reserved", 24, 8), ("checksum", 32, 16)) +
    [field("sctp chunk " + name, words("exists", "missing"), (("chunk", kind), 0, 8))
     for name, kind in [("data", 0), ("init", 1), ("init-ack", 2), ("sack", 3), ("heartbeat", 4),
                        ("abort", 6), ("shutdown", 7), ("ecne", 12), ("asconf", 193)]] +
    within("sctp chunk data", ("chunk", 0), ("flags", 8, 8), ("length", 16, 16), ("tsn", 32, 32),
           ("stream", 64, 16), ("ssn", 80, 16), ("ppid", 96, 32)) +
    within("sctp chunk init", ("chunk", 1), ("init-tag", 32, 32), ("a-rwnd", 64, 32),
           ("num-outbound-streams", 96, 16)) +
    within("sctp chunk sack", ("chunk", 3), ("cum-tsn-ack", 32, 32), ("num-gap-ack-blocks", 96, 16)) +
    raw("nh", "ip", (0, 8), (32, 16), (64, 16), (96, 24), (96, 64)) +
    raw("nh", "ip6", (0, 16), (32, 32), (64, 128)) +
    raw("th", "tcp", (0, 32), (16, 16), (104, 8)) +
    raw("th", "udp", (0, 16), (16, 16), (32, 16), (0, 64)) +
    raw("ih", "ih", (0, 8), (0, 16), (8, 32), (64, 128)) +
    [field("meta l4proto", words("tcp", "udp", "icmp", "ipv6-icmp", "sctp", "esp", "ah", "41"),
           l4="meta"),
     field("meta nfproto", words("ipv4", "ipv6")),
     field("meta protocol", words("ip", "ip6")),
     field("meta length", number(16), values=[40, 60, 100, 20, 28]),
     field("meta mark", hexadecimal(32), values=[0, 1, 2, 6, 0x80000001]),
     field("ct mark", hexadecimal(32), values=[0, 1, 2, 6, 0x80000001]),
     field("meta priority", words("0:0", "1:0", "none", "0:6")),
     field("meta iifname", words('"wg0"', '"eth0"', '"lo"', '"wg*"')),
     field("meta iif", words("lo")),
     field("meta iiftype", words("ether", "loopback", "none")),
     field("meta iifgroup", words("default", "1")),
     field("meta pkttype", words("host", "unicast", "broadcast", "multicast", "other")),
     field("fib saddr type", words("local", "unicast", "broadcast", "multicast", "blackhole")),
     field("fib daddr type", words("local", "unicast", "broadcast", "multicast", "anycast")),
     field("fib saddr . iif oif", words("exists", "missing")),
     field("fib saddr oifname", words('"wg0"', '"eth0"')),
     field("fib daddr oifname", words('"wg0"', '"eth0"', '"lo"')),
     field("ct state", words("new", "established", "related", "invalid", "untracked")),
     field("ct direction", words("original", "reply")),
     field("ct status", words("expected", "assured", "confirmed", "seen-reply", "snat", "dnat")),
     # Before a field of a header nft leaves it out of the listing, which makes it another rule.
     field("ct l3proto", words("ipv4", "ipv6"), l3="flow", l4="flow"),
     field("ct bytes", number(64), values=[0, 40, 60, 100, 200]),
     field("ct packets", number(64), values=[0, 1, 2, 3]),
     field("ct original packets", number(64), values=[0, 1, 2]),
     field("ct reply bytes", number(64), values=[0, 40]),
     field("numgen inc mod 4", number(8), values=[0, 1, 2, 3]),
     field("numgen inc mod 3 offset 7", number(8), values=[7, 8, 9]),
     field("jhash ip saddr mod 4 seed 0xdeadbeef", number(8), values=[0, 1, 2, 3], l3="ip"),
     field("jhash ip saddr . ip daddr mod 16 seed 0x7", number(8), values=list(range(16)),
           l3="ip"),
     field("jhash tcp dport mod 8 seed 0xa", number(8), l4="tcp", values=list(range(8)))])
