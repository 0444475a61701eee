"""packets.py - raw packets with right checksums, and seeded streams of them.

A stream is a shuffle of conversations (TCP from handshake to close, UDP, pings, errors about
them) and of strays that belong to none.  What depends on TCP windows, on fragments or on wrong
transport checksums is left out.
"""
import ipaddress
import struct

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << i for i in range(8))
ICMP, TCP, UDP, GRE, ICMPV6, SCTP, UDPLITE = 1, 6, 17, 47, 58, 132, 136

# The host's own, and others on either side of it, by IP version.
HOST = {"wg0": {4: "10.8.0.1", 6: "fd08::1"}, "eth0": {4: "192.0.2.1", 6: "2001:db8::1"}}
PEERS = {
    "wg0": {4: ["10.8.0.2", "10.8.0.3", "10.8.0.77"], 6: ["fd08::2", "fd08::3", "fd08::77"]},
    "eth0": {4: ["192.0.2.9", "198.51.100.7", "203.0.113.200"],
             6: ["2001:db8::9", "2001:db8:5::7", "2001:db8:113::200"]},
}
HOST_ADDRESSES = {"wg0": ["10.8.0.1/24", "fd08::1/64"],
                  "eth0": ["192.0.2.1/24", "2001:db8::1/64"]}
PORTS = [22, 53, 80, 123, 443, 1024, 5353, 8080, 32768, 65535]


def checksum(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC32C[(crc ^ byte) & 255] ^ crc >> 8
    return struct.pack("<I", crc ^ 0xFFFFFFFF)


def crc32c_table():
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        yield value


CRC32C = list(crc32c_table())
# Where the checksum stands.
SUM_FIELD = {TCP: 16, UDP: 6, UDPLITE: 6, ICMP: 2, ICMPV6: 2}


def with_checksum(src, dst, proto, payload, summed=None):
    """The transport's checksum put in, as far as there is one.  summed: the protocol of the
    pseudo-header, where that is another."""
    if proto == SCTP and len(payload) >= 12:
        return payload[:8] + crc32c(payload[:8] + bytes(4) + payload[12:]) + payload[12:]
    field = SUM_FIELD.get(proto)
    if field is None or len(payload) < field + 2:
        return payload
    pseudo = b"" if proto == ICMP else src.packed + dst.packed + struct.pack(
        ">HH", summed or proto, len(payload))
    payload = payload[:field] + b"\0\0" + payload[field + 2:]
    value = checksum(pseudo + payload)
    if proto in (UDP, UDPLITE):
        value = value or 0xFFFF
    return payload[:field] + struct.pack(">H", value) + payload[field + 2:]


def ip(src, dst, proto, payload, ttl=64, ident=1, options=b"", fragment=0x4000, tos=0, whole=True):
    """fragment: IPv4's flags and offset; whole: the payload wants its transport checksum."""
    src, dst = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if whole:
        payload = with_checksum(src, dst, proto, payload)
    if src.version == 6:
        return struct.pack(">IHBB", 6 << 28 | tos << 20, len(payload), proto, ttl) + \
            src.packed + dst.packed + payload
    length = 20 + len(options)
    head = struct.pack(">BBHHHBBH", 0x40 | length // 4, tos, length + len(payload), ident,
                       fragment, ttl, proto, 0) + src.packed + dst.packed + options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def with_header_checksum(packet):
    """An IPv4 packet whose header was changed."""
    length = (packet[0] & 15) * 4
    head = packet[:10] + b"\0\0" + packet[12:length]
    return head[:10] + struct.pack(">H", checksum(head)) + packet[12:]


def tcp(src, sport, dst, dport, flags, seq=1, ack=0, data=b"", tcp_options=b"", win=0x7000,
        reserved=0, **kw):
    ack = ack if flags & ACK else 0
    head = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF,
                       (20 + len(tcp_options)) // 4 << 4 | reserved, flags, win, 0, 0)
    return ip(src, dst, TCP, head + tcp_options + data, **kw)


def udp(src, sport, dst, dport, data=b"", **kw):
    return ip(src, dst, UDP, struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data, **kw)


def icmp(src, dst, kind, code, rest=b"\0" * 4, body=b"", **kw):
    proto = ICMPV6 if ":" in src else ICMP
    return ip(src, dst, proto, struct.pack(">BBH", kind, code, 0) + rest + body, **kw)


class Stream:
    """Packets in an order that a seed decides: (side, packet), side None for the host's own."""

    def __init__(self, random, count, resets=True):
        """resets: a RST may end a connection.  Whether conntrack believes one depends on the last
        acknowledgement that it saw."""
        self.random = random
        self.resets = resets
        self.packets = []
        talks = []
        while len(self.packets) < count:
            while len(talks) < 6:
                talks.append(self.random.choice(
                    [self.tcp, self.tcp, self.tcp, self.udp, self.udp, self.ping, self.stray,
                     self.stray, self.anything])())
            talk = self.random.choice(talks)
            item = next(talk, None)
            if item is None:
                talks.remove(talk)
            else:
                self.packets.append(item)

    # ---- who talks to whom

    def ends(self):
        """Two ends (side or None for the host, address): forwarded, to the host, from the host."""
        r, version = self.random, self.random.choice([4, 6])
        near, far = r.choice([("wg0", "eth0"), ("eth0", "wg0")])
        a = (near, r.choice(PEERS[near][version]))
        b = (far, r.choice(PEERS[far][version]))
        how = r.random()
        if how < 0.2:
            b = (None, HOST[near][version])
        elif how < 0.3:
            a = (None, HOST[far][version])
        return a, b

    def port(self):
        return self.random.choice(PORTS)

    def data(self):
        return bytes(self.random.choice([0, 1, 10, 100, 1000]))

    # ---- conversations

    def tcp(self):
        r = self.random
        (sa, a), (sb, b) = self.ends()
        pa, pb = r.randrange(1024, 65536), self.port()
        seq = {0: r.getrandbits(32), 1: r.getrandbits(32)}

        def segment(way, flags, data=b"", options=b""):
            src, dst = ((a, pa), (b, pb)) if way == 0 else ((b, pb), (a, pa))
            packet = tcp(src[0], src[1], dst[0], dst[1], flags, seq[way], seq[1 - way], data,
                         options, ttl=r.choice([2, 64, 255]))
            seq[way] += len(data) + (flags & SYN != 0) + (flags & FIN != 0)
            return (sa if way == 0 else sb), packet

        mss = b"\x02\x04\x05\xb4"
        syn = segment(0, SYN | r.choice([0, 0, ECE | CWR]), options=mss)
        yield syn
        if r.random() < 0.2:
            yield syn  # once more
        if r.random() < 0.1:
            yield segment(1, RST | ACK)  # refused
            return
        yield segment(1, SYN | ACK, options=mss)
        yield segment(0, ACK)
        for _ in range(r.randrange(4)):
            way = r.randrange(2)
            yield segment(way, ACK | r.choice([0, PSH]), self.data())
            if r.random() < 0.5:
                yield segment(1 - way, ACK)
            if r.random() < 0.1:
                yield self.error(segment(way, ACK), (sa, sb), (a, b), way)
        end = r.random()
        if end < 0.2 and self.resets:
            yield segment(r.randrange(2), RST | r.choice([0, ACK]))
        elif end < 0.9:
            way = r.randrange(2)
            yield segment(way, FIN | ACK)
            yield segment(1 - way, ACK)
            yield segment(1 - way, FIN | ACK)
            yield segment(way, ACK)
            if r.random() < 0.3:
                yield segment(r.randrange(2), ACK)

    def udp(self):
        r = self.random
        (sa, a), (sb, b) = self.ends()
        pa, pb = r.randrange(1024, 65536), self.port()
        for _ in range(r.randrange(1, 3)):
            yield sa, udp(a, pa, b, pb, self.data())
        for _ in range(r.randrange(4)):
            if r.random() < 0.6:
                yield sb, udp(b, pb, a, pa, self.data())
            else:
                yield sa, udp(a, pa, b, pb, self.data())
            if r.random() < 0.15:
                yield self.error((sa, udp(a, pa, b, pb, self.data())), (sa, sb), (a, b), 0)

    def ping(self):
        r = self.random
        (sa, a), (sb, b) = self.ends()
        request, reply = (128, 129) if ":" in a else r.choice([(8, 0), (13, 14)])
        ident = r.getrandbits(16)
        body = b"\0" * (12 if request == 13 else 20)
        for seq in range(r.randrange(1, 4)):
            rest = struct.pack(">HH", ident, seq)
            yield sa, icmp(a, b, request, 0, rest, body)
            if r.random() < 0.8:
                yield sb, icmp(b, a, reply, 0, rest, body)
            if r.random() < 0.1:
                yield self.error((sa, icmp(a, b, request, 0, rest, body)), (sa, sb), (a, b), 0)

    def error(self, about, sides, addresses, way):
        """An ICMP error from the other end about a packet of `way`."""
        src, dst, side = addresses[1 - way], addresses[way], sides[1 - way]
        quoted = about[1]
        if ":" in src:
            kind, code = self.random.choice([(1, 4), (1, 1), (3, 0), (4, 0)])
            return side, icmp(src, dst, kind, code, b"\0" * 4, quoted[:1000])
        kind, code = self.random.choice([(3, 3), (3, 1), (3, 13), (11, 0), (12, 0)])
        return side, icmp(src, dst, kind, code, b"\0" * 4, quoted[:self.random.choice([28, 200])])

    # ---- what belongs to no conversation

    def stray(self):
        r = self.random
        (sa, a), (sb, b) = self.ends()
        kind = r.randrange(7)
        if kind == 0:
            flags = r.choice([ACK, ACK | PSH, FIN | ACK, RST, RST | ACK, SYN | ACK, 0, FIN,
                              SYN | FIN, SYN | RST, FIN | PSH | URG, URG | ACK, 0xFF])
            yield sa, tcp(a, self.port(), b, self.port(), flags, r.getrandbits(32),
                          r.getrandbits(32), self.data())
        elif kind == 1:
            yield sa, icmp(a, b, 129 if ":" in a else 0, 0, b"\0\7\0\1", b"answer")
        elif kind == 2:
            lost = udp(b, self.port(), a, self.port(), b"lost")
            yield self.error((sb, lost), (sa, sb), (a, b), 1)
        elif kind == 3:
            yield sa, ip(a, b, r.choice([50, 99, 253]), bytes(r.choice([0, 1, 3, 4, 40])))
        elif kind == 4 and ":" in a:
            # a destination option, then UDP
            inner = udp(a, self.port(), b, self.port(), b"x" * r.randrange(8))[40:]
            yield sa, ip(a, b, 60, bytes([UDP, 0, 1, 4, 0, 0, 0, 0]) + inner)
        elif kind == 5:
            yield sa, icmp(a, b, r.choice([8, 13, 15, 17, 42]) if ":" not in a else
                           r.choice([128, 139, 144, 200]), r.randrange(3), b"\0\1\0\2",
                           b"\0" * 20)
        else:
            yield sa, udp(a, self.port(), b, self.port(), self.data())

    def anything(self):
        """Header fields at random, addresses and ports from the pools, for rules to look at."""
        r = self.random
        for _ in range(r.randrange(1, 4)):
            (sa, a), (sb, b) = self.ends()
            more = {"ttl": r.choice([2, 3, 64, 128, 255])}
            if sa and ":" not in a and r.random() < 0.3:
                more["options"] = b"\1" * r.choice([4, 8])  # no operation
            kind = r.randrange(3)
            if kind == 0:
                yield sa, tcp(a, self.port(), b, self.port(), SYN, r.getrandbits(32), 0,
                              self.data(), **more)
            elif kind == 1:
                yield sa, udp(a, self.port(), b, self.port(), self.data(), **more)
            else:
                yield sa, icmp(a, b, 128 if ":" in a else 8, 0,
                               struct.pack(">HH", r.randrange(4), 1), self.data(), **more)
