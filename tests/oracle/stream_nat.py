"""stream_nat.py - flows that NAT rewrites: few clients with few ports, so that they clash, and
answers to whatever each side made of their packets.

Ports that are chosen at random differ between both sides.  So what comes back is no packet but an
Answer: each side gets its own, made of what it emitted.
"""
import ipaddress
import struct

from packets import (ACK, FIN, HOST, ICMP, ICMPV6, RST, SCTP, SYN, TCP, UDP, UDPLITE, icmp, ip,
                     tcp, udp, with_header_checksum)
from walk import Walk

PORTS = [80, 700, 1000, 5000, 5001]
SERVED = [53, 80, 8080]


class Asked(bytes):
    """A packet that may be answered."""


class Answer:
    """What comes back when `asked` has arrived as it was emitted: make(emitted) says it."""

    def __init__(self, asked, make):
        self.asked, self.make = asked, make


class Ends:
    """Addresses, and ports or an id, of a packet without extension headers."""

    def __init__(self, packet):
        four = packet[0] >> 4 == 4
        self.at = (packet[0] & 15) * 4 if four else 40
        self.proto = packet[9] if four else packet[6]
        ends = (packet[12:16], packet[16:20]) if four else (packet[8:24], packet[24:40])
        self.src, self.dst = (str(ipaddress.ip_address(e)) for e in ends)
        self.sport, self.dport = struct.unpack_from(">HH", packet, self.at)
        if self.proto in (ICMP, ICMPV6):
            self.sport = self.dport = struct.unpack_from(">H", packet, self.at + 4)[0]


def as_sent(packet):
    """With the hop that the kernel has counted, and the engine leaves to it."""
    if packet[0] >> 4 == 4:
        return with_header_checksum(packet[:8] + b"\x40" + packet[9:])
    return packet[:7] + b"\x40" + packet[8:]


def chosen_at(packet):
    """Where the port or id stands that source NAT may have chosen."""
    e = Ends(packet)
    return e.at + (4 if e.proto in (ICMP, ICMPV6) else 0)


def port_class(port):
    return (port >= 512) + (port >= 1024)


RULES = {
    "masquerade": 'chain post { type nat hook postrouting priority srcnat; '
                  'oifname "eth0" counter masquerade\n}',
    "ports": 'chain post { type nat hook postrouting priority srcnat; '
             'oifname "eth0" meta l4proto udp masquerade to :4000-4005\n'
             'oifname "eth0" meta l4proto tcp masquerade to :4000-4200\n'
             'oifname "eth0" masquerade\n}',
    "address": 'chain post { type nat hook postrouting priority srcnat; '
               'oifname "eth0" snat ip to 192.0.2.50\n oifname "eth0" snat ip6 to 2001:db8::50\n}',
    "spread": 'chain post { type nat hook postrouting priority srcnat; '
              'oifname "eth0" snat ip to 192.0.2.50-192.0.2.60\n'
              'oifname "eth0" snat ip6 to 2001:db8::50-2001:db8::1:7\n}',
    "persistent": 'chain post { type nat hook postrouting priority srcnat; '
                  'oifname "eth0" snat ip to 192.0.2.50-192.0.2.60 persistent\n'
                  'oifname "eth0" snat ip6 to 2001:db8::50-2001:db8::1:7 persistent\n}',
    "random": 'chain post { type nat hook postrouting priority srcnat; '
              'oifname "eth0" tcp dport 80 masquerade random\n'
              'oifname "eth0" masquerade fully-random\n}',
    "prefix": 'chain post { type nat hook postrouting priority srcnat; '
              'oifname "eth0" snat ip prefix to 192.168.7.0/24\n'
              'oifname "eth0" snat ip6 prefix to 2001:db8:77::/64\n}\n'
              'chain pre { type nat hook prerouting priority dstnat; '
              'iifname "eth0" dnat ip prefix to ip daddr map { 192.168.9.0/24 : 10.8.0.0/24 }\n}',
    "forward": 'chain pre { type nat hook prerouting priority dstnat; '
               'iifname "eth0" tcp dport 8080 dnat ip to 10.8.0.2:80\n'
               'iifname "eth0" tcp dport 8080 dnat ip6 to [fd08::2]:80\n'
               'iifname "eth0" udp dport { 53, 80 } dnat ip to 10.8.0.2-10.8.0.3:5000-5001\n'
               'iifname "eth0" udp dport { 53, 80 } dnat ip6 to fd08::10-fd08::1:ffff\n'
               'tcp dport 53 redirect to :7001\n'
               'iifname "wg0" ip daddr 198.51.100.7 dnat to 203.0.113.200\n}',
    "hairpin": 'chain pre { type nat hook prerouting priority dstnat; '
               'ip daddr 192.0.2.1 tcp dport 80 dnat to 10.8.0.2\n'
               'ip daddr 192.0.2.1 udp dport 80 dnat to 10.8.0.2:53\n}\n'
               'chain post { type nat hook postrouting priority srcnat; '
               'iifname "wg0" oifname "wg0" masquerade\n oifname "eth0" masquerade\n}',
    "spread out": 'chain pre { type nat hook prerouting priority dstnat; '
                  'dnat ip to 10.8.0.64-10.8.0.127 persistent\n'
                  'dnat ip6 to fd08:0:0:1::7-fd08:0:0:ff::ffff\n}',
    "maps": 'map servers { type inet_service : ipv4_addr . inet_service\n'
            'elements = { 80 : 10.8.0.2 . 5000, 8080 : 10.8.0.3 . 5001 }\n}\n'
            'chain pre { type nat hook prerouting priority dstnat; '
            'iifname "eth0" dnat ip to tcp dport map @servers\n'
            'iifname "eth0" dnat ip to udp dport map { 53 : 10.8.0.2, 80 : 10.8.0.3 }\n}\n'
            'chain post { type nat hook postrouting priority srcnat; '
            'oifname "eth0" snat ip to ip saddr map { 10.8.0.2 : 192.0.2.50, '
            '10.8.0.3 : 192.0.2.51 }\n}',
    "only clashes": 'chain pre { type nat hook prerouting priority dstnat; '
                    'iifname "eth0" ip daddr 192.0.2.1 udp dport 53 dnat to 10.8.0.2\n}',
    "verdicts": 'chain first { type nat hook postrouting priority 90; policy accept; '
                'udp dport 53 drop\n tcp dport 80 accept\n}\n'
                'chain post { type nat hook postrouting priority srcnat; policy drop; '
                'tcp dport { 80, 8080 } masquerade\n udp dport 80 accept\n}',
}
WATCH = """table inet filter {
    chain before { type filter hook prerouting priority -150; policy accept;
        ip daddr 10.8.0.0/24 log group 7 prefix "inside before"
    }
    chain behind { type filter hook prerouting priority -50; policy accept;
        ip daddr 10.8.0.0/24 log group 7 prefix "inside behind"
    }
    chain forward { type filter hook forward priority 0; policy accept;
        ct state invalid drop
        ct status snat log group 7 prefix "snat"
        ct status dnat log group 7 prefix "dnat"
    }
    chain input { type filter hook input priority 0; policy accept; ct state invalid drop
    }
    chain late { type filter hook postrouting priority 150; policy accept;
        ip saddr 10.8.0.0/24 log group 7 prefix "inside late"
    }
}
"""


class Talk:
    """One flow: its ends, and what has been said."""

    def __init__(self, side, a, b, proto, sport, dport, seq):
        self.side, self.a, self.b, self.proto = side, a, b, proto
        self.sport, self.dport, self.seq = sport, dport, seq
        self.step = 0
        self.last = None  # that may be answered


class Nat(Walk):
    chance = True
    batch = 600
    rulesets = ["table inet nat {\n%s\n}\n%s" % (rules, WATCH) for rules in RULES.values()]

    def __init__(self, random):
        super().__init__(random)
        self.talks = []

    def stream(self, count):
        self.talks = []
        return super().stream(count)

    def packet(self):
        if len(self.talks) < 5 or self.one_in(4):
            self.talks = self.talks[-11:] + [self.begin()]
        yield self.say(self.random.choice(self.talks))

    def begin(self):
        r = self.random
        version = r.choice([4, 4, 6])
        inside = ["10.8.0.2", "10.8.0.3", "10.8.0.77"] if version == 4 else ["fd08::2", "fd08::3"]
        outside = ["198.51.100.7", "203.0.113.200"] if version == 4 else \
            ["2001:db8:5::7", "2001:db8:113::200"]
        proto = r.choice([TCP, TCP, TCP, UDP, UDP, UDP, ICMP, UDPLITE, SCTP])
        if proto == ICMP and version == 6:
            proto = ICMPV6
        side, a, b = "wg0", r.choice(inside), r.choice(outside)
        if self.one_in(3):
            side, a = "eth0", r.choice(outside)
            b = r.choice([HOST["eth0"][version], HOST["eth0"][version], r.choice(inside)] + (
                ["192.168.9.2"] if version == 4 else []))
        elif self.one_in(5):
            b = HOST["eth0"][version]
        return Talk(side, a, b, proto, r.choice(PORTS), r.choice(SERVED), r.getrandbits(32))

    # ---- what is said

    def say(self, t):
        r = self.random
        t.step += 1
        if t.last is None or r.random() < 0.4:
            t.last = Asked(self.question(t))
            return t.side, t.last
        kind = self.one_in(6)
        back = Answer(t.last, self.error(t) if kind else self.answer(t))
        return "eth0" if t.side == "wg0" else "wg0", back

    def question(self, t):
        r = self.random
        data = bytes(r.choice([0, 1, 40]))
        if t.proto == TCP:
            flags = SYN if t.step == 1 or self.one_in(6) else r.choice([ACK, ACK, ACK, FIN | ACK,
                                                                       RST])
            if flags == SYN:
                t.seq += r.choice([0, 0, 1000000, -1000000])
            return tcp(t.a, t.sport, t.b, t.dport, flags, seq=t.seq + (flags != SYN), ack=501,
                       data=b"" if flags == SYN else data)
        if t.proto in (ICMP, ICMPV6):
            return icmp(t.a, t.b, 8 if t.proto == ICMP else 128, 0,
                        struct.pack(">HH", t.sport, t.step & 0xFFFF), data)
        return self.datagram(t.proto, t.a, t.sport, t.b, t.dport, data, t.seq, self.one_in(8))

    @staticmethod
    def datagram(proto, a, sport, b, dport, data, tag, bare):
        """bare: without a checksum, where there may be none."""
        if proto == UDP:
            packet = udp(a, sport, b, dport, data)
            if bare and ":" not in a:
                return packet[:26] + b"\0\0" + packet[28:]
            return packet
        if proto == UDPLITE:
            return ip(a, b, UDPLITE, struct.pack(">HHHH", sport, dport, 0, 0) + data)
        init = struct.pack(">BBHIIHHI", 1, 0, 20, tag & 0xFFFFFFFF or 1, 1000, 1, 1, 1)
        return ip(a, b, SCTP, struct.pack(">HHII", sport, dport, 0, 0) + init)

    def answer(self, t):
        data = bytes(self.random.choice([0, 1, 100]))
        flags = self.random.choice([SYN | ACK, SYN | ACK, ACK, ACK, FIN | ACK, RST | ACK])
        seq = 500 + (flags & SYN == 0)
        bare = self.one_in(8)

        def make(sent):
            e = Ends(sent)
            if e.proto == TCP:
                return tcp(e.dst, e.dport, e.src, e.sport, flags, seq=seq, ack=t.seq + 1,
                           data=b"" if flags & SYN else data)
            if e.proto in (ICMP, ICMPV6):
                return icmp(e.dst, e.src, 0 if e.proto == ICMP else 129, 0,
                            sent[e.at + 4:e.at + 8], data)
            if e.proto == SCTP:
                ack = struct.pack(">BBHIIHHI", 2, 0, 20, 7, 1000, 1, 1, 1)
                return ip(e.dst, e.src, SCTP, struct.pack(
                    ">HHI", e.dport, e.sport, t.seq & 0xFFFFFFFF or 1) + bytes(4) + ack)
            return self.datagram(e.proto, e.dst, e.dport, e.src, e.sport, data, 0, bare)
        return make

    def error(self, t):
        """Of a router on the way, or of who was asked."""
        r = self.random
        six = ":" in t.a
        kind, code = r.choice([(1, 4), (3, 0), (2, 0), (4, 1), (137, 0)] if six else
                              [(3, 3), (3, 1), (11, 0), (12, 0), (5, 1)])
        router = r.choice(["2001:db8:5::1", None] if six else ["198.51.100.1", None])
        cut = r.choice([8, 8, 12, 28, 1000])

        def make(sent):
            e = Ends(sent)
            quoted = sent[:e.at + cut]
            return icmp(router or e.dst, e.src, kind, code, bytes(4), quoted)
        return make
