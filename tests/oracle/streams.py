"""streams.py - seeded streams of each protocol, made to reach what ordinary traffic does not."""
import ipaddress
import struct

from packets import (GRE, ICMP, ICMPV6, PEERS, UDP, UDPLITE, checksum, icmp, ip, udp, with_checksum,
                     with_header_checksum)
from stream_fragments import Fragments
from stream_amanda import Amanda, AmandaNat
from stream_helpers import Ftp, FtpNat, Sip, SipNat, Tftp, TftpNat
from stream_irc import Irc, IrcNat
from stream_pptp import Pptp, PptpNat
from stream_nat import Nat
from stream_sctp import Sctp
from stream_tcp import Tcp
from walk import PORTS, Walk, side_of


class Udp(Walk):
    """Questions and answers between few ends; lengths and checksums that are not right."""

    proto = UDP

    def packet(self):
        r = self.random
        (side, a), (_, b) = self.pair()
        data = bytes(r.choice([0, 1, 7, 100, 1000]))
        head = struct.pack(">HHHH", r.choice(PORTS), r.choice(PORTS), self.length(len(data)), 0)
        part = head + data
        if self.one_in(30):
            part = part[:r.choice([0, 3, 4, 7, len(part) - 1])]
        yield side, self.broken(self.summed(a, b, part), 60)

    def length(self, data):
        r = self.random
        if not self.one_in(15):
            return 8 + data
        return r.choice([0, 7, 8, 7 + data, 9 + data, 65535, r.getrandbits(16)])

    def summed(self, a, b, part):
        kind = self.random.randrange(12)
        src, dst = ipaddress.ip_address(a), ipaddress.ip_address(b)
        part = with_checksum(src, dst, self.proto, part)
        if kind == 0 and len(part) >= 8:
            part = part[:6] + b"\0\0" + part[8:]  # none
        return ip(a, b, self.proto, part, whole=False)


class UdpLite(Udp):
    """As UDP; the length is what the checksum covers, the pseudo-header's protocol the kernel's or
    the RFC's."""

    proto = UDPLITE

    def length(self, data):
        r = self.random
        if self.one_in(3):
            return 0
        return r.choice([8, 8 + data, 8 + data // 2, 7, 9 + data, 1, r.getrandbits(16)])

    def summed(self, a, b, part):
        r = self.random
        src, dst = ipaddress.ip_address(a), ipaddress.ip_address(b)
        if len(part) < 8:
            return ip(a, b, UDPLITE, part, whole=False)
        covered = struct.unpack_from(">H", part, 4)[0] or len(part)
        summed = with_checksum(src, dst, UDPLITE, part[:covered], r.choice([UDP, UDP, UDPLITE]))
        if covered < len(part):
            # The pseudo-header speaks of the whole.
            pseudo = ip(a, b, UDPLITE, part, whole=False)
            summed = self.partly(pseudo, part, covered, r.choice([UDP, UDP, UDPLITE]))
        part = summed + part[covered:]
        if self.one_in(12):
            part = part[:6] + b"\0\0" + part[8:]
        return ip(a, b, UDPLITE, part, whole=False)

    @staticmethod
    def partly(packet, part, covered, proto):
        ends = packet[12:20] if packet[0] >> 4 == 4 else packet[8:40]
        part = part[:6] + b"\0\0" + part[8:covered]
        value = checksum(ends + struct.pack(">HH", proto, len(packet) -
                                            (20 if packet[0] >> 4 == 4 else 40)) + part)
        return part[:6] + struct.pack(">H", value or 0xFFFF) + part[8:]


class Icmp(Walk):
    """Requests and answers of all types, few identifiers."""

    version = 4
    types = [8, 8, 8, 0, 0, 0, 13, 14, 15, 16, 17, 18]
    odd = [1, 2, 6, 7, 9, 10, 19, 30, 40, 41, 42, 43, 255]

    def packet(self):
        r = self.random
        (side, a), (_, b) = self.pair(self.version)
        kind = r.choice(self.types) if not self.one_in(10) else r.choice(self.odd)
        code = 0 if not self.one_in(15) else r.choice([1, 3])
        packet = icmp(a, b, kind, code, struct.pack(">HH", r.choice([1, 2, 7]), r.randrange(4)),
                      bytes(r.choice([0, 4, 12, 56])))
        if self.one_in(40):
            rest = packet[20 if self.version == 4 else 40:][:r.choice([0, 3, 4, 7])]
            packet = ip(a, b, ICMP if self.version == 4 else ICMPV6, rest, whole=False)
        elif self.one_in(40):
            # the other family's protocol
            packet = ip(a, b, ICMPV6 if self.version == 4 else ICMP, packet[-20:])
        yield side, self.broken(packet)


class Icmpv6(Icmp):
    """Neighbour discovery and multicast listeners as well, which are not tracked."""

    version = 6
    types = [128, 128, 128, 129, 129, 129, 139, 140]
    odd = [127, 130, 131, 132, 133, 134, 135, 136, 137, 138, 141, 142, 143, 144, 150, 151, 152,
           153, 200, 255]


class Generic(Walk):
    """Protocols that have no tracker of their own, and those whose numbers mean a header."""

    numbers = [50, 50, 51, 2, 4, 33, 41, 89, 94, 99, 103, 112, 135, 139, 140, 253, 255, 0, 59]

    def packet(self):
        r = self.random
        (side, a), (_, b) = self.pair()
        proto = r.choice(self.numbers)
        if ":" in a and proto in (0, 51):
            proto = 50
        yield side, ip(a, b, proto, r.randbytes(r.choice([0, 1, 3, 4, 8, 40])))


class Gre(Walk):
    """Both versions, keys or not, and PPTP's."""

    def packet(self):
        r = self.random
        (side, a), (_, b) = self.pair()
        version = r.choice([0, 0, 1, 1, 1, 2, 7])
        flags = r.choice([0, 0x2000, 0x3000, 0x8000, 0xB000]) | version
        kind = 0x880B if version == 1 and not self.one_in(8) else r.choice([0x800, 0x86DD, 0x880B])
        part = struct.pack(">HHHH", flags, kind, 12, r.choice([0, 1, 0x11, 0x22]))
        part += r.randbytes(r.choice([0, 4, 12]))
        if self.one_in(12):
            part = part[:r.choice([0, 1, 2, 3, 4, 6, 7])]
        yield side, ip(a, b, GRE, part)


class Errors(Walk):
    """ICMP errors that quote packets of all protocols: whole or cut, true or not, to the one who
    sent it or to another."""

    def __init__(self, random):
        super().__init__(random)
        self.others = [kind(random) for kind in (Udp, Udp, Tcp, Icmp, Icmpv6, Sctp, Gre, UdpLite, Generic)]

    def packet(self):
        if not self.sent or self.one_in(3):
            yield from self.random.choice(self.others).packet()
        else:
            yield self.error(*self.random.choice(self.sent))

    def error(self, side, quoted):
        r = self.random
        six = quoted[0] >> 4 == 6
        near, far = (quoted[8:24], quoted[24:40]) if six else (quoted[12:16], quoted[16:20])
        src, dst = str(ipaddress.ip_address(far)), str(ipaddress.ip_address(near))
        if self.one_in(6):  # some router on the way
            src = r.choice(PEERS["wg0" if side == "eth0" else "eth0"][6 if six else 4])
        if self.one_in(12):  # not whom it concerns
            dst = r.choice(PEERS[side or "wg0"][6 if six else 4])
        kind, code = self.kind(six)
        body = self.cut(self.altered(quoted), six)
        # A redirect's message has other fields before what it quotes.
        rest = r.randbytes(4) if self.one_in(4) else bytes(4)
        return side_of(src), self.broken(icmp(src, dst, kind, code, rest, body), 40)

    def kind(self, six):
        r = self.random
        if six:
            return r.choice([1, 1, 2, 3, 4, 5, 100, 127]), r.randrange(5)
        return r.choice([3, 3, 3, 4, 5, 11, 12]), r.randrange(5)

    def altered(self, quoted):
        r = self.random
        if not self.one_in(3):
            return quoted
        at = r.randrange(min(len(quoted), 64))
        return quoted[:at] + bytes([quoted[at] ^ 1 << r.randrange(8)]) + quoted[at + 1:]

    def cut(self, quoted, six):
        r = self.random
        head = 40 if six else 20
        if self.one_in(2):
            return quoted[:head + 8]
        return quoted[:r.choice([head + n for n in range(-4, 13)] + [0, 4, 500, 1200])]


class Malformed(Walk):
    """IP headers, options and extension headers at and behind the edge of what may be forwarded,
    in front of UDP and others."""

    def packet(self):
        r = self.random
        (side, a), (_, b) = self.pair()
        yield side, (self.six if ":" in a else self.four)(a, b)
        if self.one_in(200):
            yield side, r.choice([b"\x50" + bytes(39), b"\x45", bytes(20), b"\x60" + bytes(38)])

    def four(self, a, b):
        r = self.random
        options = b""
        if self.one_in(3):
            options = r.choice([b"\1" * 4, b"\x94\4\0\0", b"\7\7\4" + bytes(4) + b"\0",
                                b"\x1e\4\0\0", b"\1\1\1\0", b"\x44\x04\x05\x00"])
        packet = udp(a, r.choice(PORTS), b, r.choice(PORTS), bytes(r.choice([0, 9, 40])),
                     options=options, ident=r.getrandbits(16), tos=r.choice([0, 1, 3, 0xFC]))
        change = r.randrange(14)
        if change == 0:
            packet = packet[:r.randrange(1, len(packet))]
        elif change == 1:
            packet += bytes(r.choice([1, 3, 100]))
        elif change == 2:
            # Not more than five words: what follows would be options, and no good ones.
            packet = bytes([0x4F if len(packet) < 60 else 0x40 | r.randrange(5)]) + packet[1:]
        elif change == 3:
            packet = packet[:2] + struct.pack(">H", r.choice(
                [0, 19, 20, 27, 28, len(packet) - 1, len(packet) + 1, 65535])) + packet[4:]
        elif change == 4:
            packet = packet[:10] + bytes([packet[10] ^ 1]) + packet[11:]
            return packet
        elif change == 5:
            packet = packet[:6] + b"\x80" + packet[7:]  # the evil bit
        if change in (2, 3, 5) and (packet[0] & 15) * 4 <= len(packet) and packet[0] & 15 >= 3:
            packet = with_header_checksum(packet)
        return packet

    def six(self, a, b):
        r = self.random
        inner = udp(a, r.choice(PORTS), b, r.choice(PORTS), bytes(r.choice([0, 9, 40])))[40:]
        kind, chain = UDP, inner
        for _ in range(r.choice([0, 0, 1, 1, 2, 3])):
            kind, chain = self.header(kind, chain)
        # Only the first header may be hop-by-hop, and it is looked at before all else.
        if self.one_in(4):
            kind, chain = 0, bytes([kind]) + self.hop_by_hop() + chain
        packet = ip(a, b, kind, chain, whole=False, tos=r.choice([0, 1, 0xFC]))
        change = r.randrange(12)
        if change == 0:
            packet = packet[:r.randrange(1, len(packet))]
        elif change == 1:
            packet += bytes(r.choice([1, 3, 100]))
        elif change == 2:
            packet = packet[:4] + struct.pack(">H", r.choice(
                [1, 7, 8, len(packet) - 41, len(packet) - 39, 65535])) + packet[6:]
        elif change == 3:
            cut = packet[40:r.randrange(40, len(packet) + 1)]
            packet = ip(a, b, kind, cut, whole=False) if cut else packet
        return packet

    def header(self, following, rest):
        r = self.random
        kind = r.choice([60, 60, 43, 51, 59, 135])
        if kind == 51:
            return kind, bytes([following, 4]) + bytes(22) + rest
        if kind == 43:
            return kind, bytes([following, 0, r.choice([0, 4]), 0]) + bytes(4) + rest
        length = r.choice([0, 0, 1, 2, 31])
        body = b"\1" + bytes([length * 8 + 4]) + bytes(length * 8 + 4) if length < 31 else b"\0" * 6
        return kind, bytes([following, length]) + body + rest

    def hop_by_hop(self):
        r = self.random
        return bytes([0]) + r.choice([
            b"\1\4\0\0\0\0", b"\0\0\0\0\0\0", b"\5\2\0\0\1\0", b"\5\2\0\0\0\0",
            b"\x3e\4\0\0\0\0", b"\x7e\4\0\0\0\0", b"\xbe\4\0\0\0\0", b"\xfe\4\0\0\0\0",
            b"\1\6\0\0\0\0", b"\1\5\0\0\0\0", b"\xc2\4\0\0\0\0", b"\1\3\0\0\0\1"])


class Timers(Walk):
    """A little of all that waits between packets, with timeouts so short that some run out."""

    config = {"udp-timeout": 1, "udp-timeout-stream": 3, "icmp-timeout": 1, "icmpv6-timeout": 2,
              "generic-timeout": 2, "gre-timeout": 1, "gre-timeout-stream": 2,
              "tcp-timeout-syn-sent": 1, "tcp-timeout-established": 3, "tcp-timeout-close": 1,
              "tcp-timeout-time-wait": 2, "tcp-timeout-fin-wait": 1}
    batch = 200

    def __init__(self, random):
        super().__init__(random)
        self.walks = [kind(random) for kind in (Udp, Udp, Tcp, Tcp, Icmp, Icmpv6, Gre, Generic)]

    def packet(self):
        # Not so long that a sum of them is near a second.
        if self.one_in(20):
            yield "wait", self.random.choice([0.29, 0.61, 1.17])
        yield from self.random.choice(self.walks).packet()


class Mix(Walk):
    """All of them."""

    def __init__(self, random):
        super().__init__(random)
        self.walks = [kind(random) for kind in PROTOCOLS.values()
                      if issubclass(kind, Walk) and kind not in (Mix, Nat, Timers)]
        for walk in self.walks:
            walk.sent = self.sent

    def packet(self):
        yield from self.random.choice(self.walks).packet()


PROTOCOLS = {
    "tcp": Tcp,
    "udp": Udp,
    "udplite": UdpLite,
    "icmp": Icmp,
    "icmpv6": Icmpv6,
    "errors": Errors,
    "gre": Gre,
    "generic": Generic,
    "sctp": Sctp,
    "fragments": Fragments,
    "malformed": Malformed,
    "mix": Mix,
    "timers": Timers,
    "ftp": Ftp,
    "tftp": Tftp,
    "sip": Sip,
    "irc": Irc,
    "pptp": Pptp,
    "amanda": Amanda,
    "ftp-nat": FtpNat,
    "tftp-nat": TftpNat,
    "sip-nat": SipNat,
    "irc-nat": IrcNat,
    "pptp-nat": PptpNat,
    "amanda-nat": AmandaNat,
    "nat": Nat,
}
