"""anything.py - packets that have everything a rule can look at: every protocol, IPv4 options, IPv6
extension headers, TCP options, chunks of SCTP, whole or cut short.

Field values come from few, so that rules whose constants are read off such packets match often.
"""
import struct

from packets import (HOST, ICMP, ICMPV6, PEERS, SCTP, TCP, UDP, UDPLITE, GRE, ip)

IGMP, IPIP, DCCP, ESP, AH, COMP = 2, 4, 33, 50, 51, 108
HOPOPTS, ROUTING, FRAGMENT, DSTOPTS, MOBILITY, NONE = 0, 43, 44, 60, 135, 59
PORTS = [22, 53, 80, 443, 1024, 65535]
BYTES = [0, 1, 2, 7, 64, 128, 255]
WORDS = [0, 1, 80, 255, 256, 1400, 0x8000, 65535]
LONGS = [0, 1, 0xFF, 0x10000, 0xDEADBEEF, 0xFFFFFFFF]


class Packets:
    def __init__(self, random):
        self.random = random

    def byte(self):
        return self.random.choice(BYTES)

    def word(self):
        return self.random.choice(WORDS)

    def long(self):
        return self.random.choice(LONGS)

    def port(self):
        return self.random.choice(PORTS)

    def packet(self):
        """(side, packet), through the host from one side to the other."""
        r = self.random
        version = r.choice([4, 6])
        sides = r.choice([("wg0", "eth0"), ("eth0", "wg0")])
        source, target = (r.choice(PEERS[side][version]) for side in sides)
        if r.random() < 0.2:
            target = HOST[sides[0]][version]
        proto, payload = r.choice(
            [self.tcp, self.tcp, self.tcp, self.udp, self.udp, self.icmp, self.icmp, self.sctp,
             self.sctp, self.dccp, self.udplite, self.esp, self.ah, self.comp, self.gre,
             self.gre, self.ipip, self.igmp, self.other])(version)
        if r.random() < 0.08:
            payload = payload[:r.randrange(len(payload) + 1)]
        tos = r.choice([0, 0, 0x10, 0x48, 0xB8, 0xB9, 3, 1])
        if version == 4:
            return sides[0], ip(source, target, proto, payload, ttl=r.choice([2, 64, 255]),
                                ident=self.word(), tos=tos, options=self.ip_options(),
                                fragment=r.choice([0, 0x4000, 0x4000]))
        packet = bytearray(ip(source, target, proto, payload, ttl=r.choice([2, 64, 255]),
                              tos=tos))
        packet[1] |= r.choice([0, 0, 1, 0xF])
        packet[2:4] = struct.pack(">H", r.choice([0, 0, 1, 0xFFFF]))
        return sides[0], self.with_extensions(bytes(packet))

    # ---- IPv4 options

    def ip_options(self):
        r = self.random
        if r.random() < 0.6:
            return b""
        options = b""
        for _ in range(r.randrange(1, 3)):
            kind = r.choice([7, 7, 131, 137, 148, 148, 68, 1])
            if kind == 1:
                one = b"\1"
            elif kind == 148:  # router alert
                one = struct.pack(">BBH", 148, 4, r.choice([0, 0, 1, 65535]))
            elif kind == 68:  # time stamps
                one = struct.pack(">BBBB", 68, 12, r.choice([5, 9]), 0) + bytes(8)
            else:  # record route, source routes that are through
                one = struct.pack(">BBB", kind, 7, 8 if kind != 7 else r.choice([4, 8])) + \
                    struct.pack(">I", r.choice([0, 0x0A080002, 0xC0000209]))
            options += one
        return options + bytes(-len(options) % 4)

    # ---- IPv6 extension headers

    def with_extensions(self, packet):
        r = self.random
        if r.random() < 0.6:
            return packet
        proto, headers = packet[6], b""
        kinds = [k for k in (HOPOPTS, DSTOPTS, ROUTING, FRAGMENT, MOBILITY, DSTOPTS)
                 if r.random() < 0.3]
        made = []
        for kind in kinds:
            made.append((kind, self.extension(kind)))
        following = [k for k, _ in made[1:]] + [proto]
        for (kind, body), after in zip(made, following):
            headers += bytes([after]) + body
        if not made:
            return packet
        length = struct.pack(">H", len(packet) - 40 + len(headers))
        return packet[:4] + length + bytes([made[0][0]]) + packet[7:40] + headers + packet[40:]

    def extension(self, kind):
        """Without the byte that says what follows."""
        r = self.random
        if kind == FRAGMENT:  # of a datagram that is whole
            return struct.pack(">BHI", 0, r.choice([0, 0, 2, 4]), self.long())
        if kind == MOBILITY:
            return struct.pack(">BBBH", 0, r.randrange(8), self.byte(), self.word()) + b"\0\0"
        if kind == ROUTING:
            # All segments left behind: the host passes it on, whatever the type is.
            if r.random() < 0.5:
                return struct.pack(">BBBI", 0, r.choice([0, 2, 4]), 0, 0)
            kind = r.choice([0, 2, 4])
            return struct.pack(">BBBBBH", 2, kind, 0, r.choice([0, 1]), self.byte(),
                               self.word()) + bytes.fromhex("fd08000000000000000000000000000" +
                                                            r.choice("237"))
        return b"\0" + r.choice([b"\1\4\0\0\0\0", b"\0\0\0\0\0\0", b"\5\2\0\0\1\0"]) \
            if r.random() < 0.7 else b"\1\1\x0c" + bytes(12)

    # ---- transports: the protocol, and what is behind the IP header

    def tcp(self, version):
        r = self.random
        options = self.tcp_options()
        head = struct.pack(">HHIIBBHHH", self.port(), self.port(), self.long(), self.long(),
                           (20 + len(options)) // 4 << 4 | r.choice([0, 0, 0, 1, 14]),
                           r.choice([2, 2, 0x12, 0x10, 0x18, 4, 0x14, 0x11, 0x29, 0xC2, 0, 255]),
                           self.word(), 0, r.choice([0, 0, 0, 1, 256]))
        return TCP, head + options + r.choice([b"", b"", b"GET /", bytes(100)])

    def tcp_options(self):
        r = self.random
        options = b""
        for _ in range(r.choice([0, 0, 1, 2, 3, 4])):
            options += r.choice([
                b"\1", b"\1", struct.pack(">BBH", 2, 4, r.choice([0, 536, 1400, 1460, 65495])),
                struct.pack(">BBB", 3, 3, r.choice([0, 2, 7, 14])), b"\4\2",
                struct.pack(">BBII", 5, 10, self.long(), self.long()),
                struct.pack(">BBIIII", 5, 18, self.long(), self.long(), self.long(), self.long()),
                struct.pack(">BBII", 8, 10, self.long(), self.long()),
                struct.pack(">BBBB", 30, 4, r.choice([0, 0x10, 0x21, 0xF0]), self.byte()),
                struct.pack(">BBH", 34, 4, self.word()), struct.pack(">BBH", 253, 4, self.word()),
                b"\x13\x12" + bytes(16)])
        options = options[:40]
        if r.random() < 0.1:
            options = options[:r.randrange(len(options) + 1)]
        return options + bytes(-len(options) % 4)

    def udp(self, version):
        data = self.random.choice([b"", b"x", b"\0\1\2\3\4\5\6\7", bytes(40), bytes(500)])
        return UDP, struct.pack(">HHHH", self.port(), self.port(), 8 + len(data), 0) + data

    def udplite(self, version):
        data = self.random.choice([b"", b"abcdefgh"])
        return UDPLITE, struct.pack(">HHHH", self.port(), self.port(), 8 + len(data), 0) + data

    def icmp(self, version):
        r = self.random
        if version == 6:
            kind = r.choice([128, 128, 129, 1, 2, 3, 4, 130, 131, 132, 138, 140, 144, 146, 148])
            return ICMPV6, struct.pack(">BBHI", kind, r.choice([0, 0, 1, 3, 4]), 0,
                                       r.choice([0, 1, 0x00010002, 1280, 0x07D00000])) + bytes(
                                           r.choice([0, 8, 16, 60]))
        kind = r.choice([8, 8, 0, 3, 3, 4, 5, 9, 10, 11, 12, 13, 14, 17, 18])
        return ICMP, struct.pack(">BBHI", kind, r.choice([0, 0, 1, 3, 4, 13]), 0,
                                 r.choice([0, 1, 0x00010002, 1400, 0xC0000209])) + bytes(
                                     r.choice([0, 8, 12, 60]))

    def igmp(self, version):
        kind = self.random.choice([0x11, 0x12, 0x16, 0x17, 0x22])
        return IGMP, struct.pack(">BBHI", kind, self.byte(), self.word(),
                                 self.random.choice([0, 0xE0000001, 0xE0000016]))

    def sctp(self, version):
        r = self.random
        made = struct.pack(">HHII", self.port(), self.port(), self.long(), 0)
        for _ in range(r.choice([1, 1, 2, 3])):
            kind = r.choice([0, 0, 1, 2, 3, 3, 4, 6, 7, 9, 12, 130, 192, 193])
            body = struct.pack(">IHHIII", self.long(), self.word(), self.word(), self.long(),
                               self.long(), 0)[:r.choice([0, 4, 8, 12, 16, 20])]
            made += struct.pack(">BBH", kind, r.choice([0, 1, 3, 4, 255]), 4 + len(body)) + body
        return SCTP, made

    def dccp(self, version):
        kind = self.random.randrange(12)
        return DCCP, struct.pack(">HHBBHBBH", self.port(), self.port(),
                                 self.random.choice([4, 6]), 0, 0,
                                 kind << 1 | self.random.choice([0, 1]), 0, self.word()) + bytes(12)

    def esp(self, version):
        return ESP, struct.pack(">II", self.long(), self.long()) + bytes(16)

    def ah(self, version):
        return AH, struct.pack(">BBHII", self.random.choice([TCP, UDP, ESP]), 4, self.word(),
                               self.long(), self.long()) + bytes(12) + self.udp(version)[1]

    def comp(self, version):
        return COMP, struct.pack(">BBH", self.random.choice([TCP, ESP, 255]), self.byte(),
                                 self.word()) + bytes(8)

    def gre(self, version):
        r = self.random
        flags = r.choice([0, 0x2000, 0xB000, 0x3001, 0x8000, 0x4000, 0x1000, 0x2007])
        return GRE, struct.pack(">HHHH", flags, r.choice([0x800, 0x86DD, 0x880B, 0x6558]),
                                self.word(), self.word()) + self.ipip(4)[1]

    def ipip(self, version):
        source, target = (self.random.choice(PEERS[side][4]) for side in ("wg0", "eth0"))
        return IPIP, ip(source, target, *self.udp(4))

    def other(self, version):
        return self.random.choice([4, 41, 89, 99, 103, 253]), bytes(
            self.random.choice(BYTES) for _ in range(self.random.choice([0, 4, 20])))
