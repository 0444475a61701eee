"""stream_tcp.py - TCP connections that go on as they should, or do not quite.

Each connection keeps what its ends would know: the next sequence number, what was acknowledged,
the window offered.  From these come the numbers around which a segment is placed when it is not
where it should be: the window's edges, what was acknowledged, the limits of what an
acknowledgement may be behind.
"""
import ipaddress
import struct

from packets import ACK, CWR, ECE, FIN, PSH, RST, SYN, TCP, URG, ip, tcp
from walk import Walk

CONNECTIONS = 5
WINDOWS = [0, 1, 100, 8192, 8192, 65535]
FLAGS = [SYN, SYN | ACK, ACK, ACK, PSH | ACK, FIN | ACK, RST, RST | ACK, FIN, 0, SYN | FIN,
         SYN | RST, FIN | PSH | URG, URG | ACK, SYN | URG, SYN | ECE | CWR, FIN | ACK | URG, 0xFF]
MASK = 0xFFFFFFFF


class End:
    def __init__(self, random, side, address, port):
        self.side, self.address, self.port = side, address, port
        self.next = random.choice([100, 0, 0xFFFFFF00, random.getrandbits(32)])
        self.acked = 0     # the highest that it acknowledged
        self.window = 8192
        self.scale = 0


class Connection:
    """What its two ends would know, [0] who began."""

    def __init__(self, random, ends):
        self.ends = [End(random, *end) for end in ends]
        self.step = 0  # of opening and closing
        self.sack = self.stamps = False


class Tcp(Walk):
    def __init__(self, random):
        super().__init__(random)
        self.connections = []

    def packet(self):
        r = self.random
        if len(self.connections) < CONNECTIONS or self.one_in(60):
            self.connections = self.connections[-CONNECTIONS + 1:] + [self.begin()]
        c = r.choice(self.connections)
        if r.random() < 0.7:
            yield from self.ordinary(c)
        else:
            yield self.odd(c)

    def begin(self):
        r = self.random
        if self.connections and self.one_in(2):
            # the same ports again: a connection reopened
            old = r.choice(self.connections)
            ends = [(e.side, e.address, e.port) for e in old.ends]
            if self.one_in(6):
                ends.reverse()
        else:
            a, b = self.pair()
            ends = [a + (r.choice([1000, 1001, 0]),), b + (r.choice([80, 443]),)]
        return Connection(r, ends)

    # ---- what a real end could send

    def ordinary(self, c):
        r = self.random
        if c.step == 0:
            c.step = 1
            yield self.segment(c, 0, SYN | r.choice([0, 0, 0, ECE | CWR]), options=self.offer(c, 0))
        elif c.step == 1:
            if self.one_in(8):  # both at once
                yield self.segment(c, 1, SYN, options=self.offer(c, 1))
                yield self.segment(c, 0, SYN | ACK, again=True)
            c.step = 2
            yield self.segment(c, 1, SYN | ACK, options=self.offer(c, 1))
        elif c.step == 2:
            c.step = 3
            yield self.segment(c, 0, ACK)
        elif c.step < 4 or self.one_in(3):
            yield from self.transfer(c)
        else:
            c.step += 1
            yield self.segment(c, r.randrange(2), ACK)
            if c.step > 8:
                self.connections.remove(c)

    def transfer(self, c):
        r = self.random
        way = r.randrange(2)
        kind = r.randrange(12)
        if kind < 6:
            yield self.segment(c, way, ACK | r.choice([0, PSH]),
                               r.choice([1, 100, 536, 1400]), win=r.choice(WINDOWS))
            if r.random() < 0.6:
                yield self.segment(c, 1 - way, ACK, win=r.choice(WINDOWS))
        elif kind < 8:
            for _ in range(r.choice([1, 1, 4])):
                yield self.segment(c, way, ACK)
        elif kind == 8:  # once more
            yield self.segment(c, way, ACK | PSH, 100, back=100)
        elif kind == 9:  # a hole, and what the other end says of it
            lost = c.ends[way].next
            c.ends[way].next = lost + 500 & MASK
            yield self.segment(c, way, ACK, 300)
            edges = struct.pack(">II", lost + 500 & MASK, lost + 800 & MASK)
            yield self.segment(c, 1 - way, ACK, options=b"\1\1\5\12" + edges, ack=lost)
        elif kind == 10:
            c.step = max(c.step, 4)
            yield self.segment(c, way, FIN | ACK)
            if r.random() < 0.7:
                yield self.segment(c, 1 - way, ACK)
        elif self.one_in(2):
            c.step = max(c.step, 4)
            yield self.segment(c, way, RST | r.choice([0, ACK]))

    def offer(self, c, way):
        """Options of a SYN."""
        r = self.random
        end = c.ends[way]
        options = b"\2\4\5\xb4"
        end.scale = 0
        if r.random() < 0.6:
            end.scale = r.choice([0, 1, 2, 7, 14, 15])
            options += b"\1\3\3" + bytes([end.scale])
        if r.random() < 0.5:
            options += b"\1\1\4\2"
        if r.random() < 0.3:
            options += b"\1\1\10\12" + r.randbytes(8)
        if self.one_in(12):
            options = r.choice([b"\3\3\7\0", b"\3\2\4\4", b"\3\0\1\1", b"\2\4\5", b"\0\3\3\7",
                                b"\4\2\3\3\7\0\0\0", b"\x22\x0c" + bytes(10)])
        return options + b"\0" * (-len(options) % 4)

    def segment(self, c, way, flags, length=0, win=None, options=b"", back=0, ack=None,
                again=False):
        me, peer = c.ends[way], c.ends[1 - way]
        seq = me.next - back - again & MASK
        win = win if win is not None else min(me.window, 65535)
        ack = peer.next if ack is None else ack
        if not options and self.one_in(10):
            options = b"\1\1\10\12" + self.random.randbytes(8)
        if not back and not again:
            me.next = me.next + length + (flags & SYN != 0) + (flags & FIN != 0) & MASK
        if flags & ACK:
            me.acked = ack
        me.window = win
        return me.side, tcp(me.address, me.port, peer.address, peer.port, flags, seq, ack,
                            bytes(length), options, win)

    # ---- what lies around it

    def odd(self, c):
        r = self.random
        way = r.randrange(2)
        me, peer = c.ends[way], c.ends[1 - way]
        seq = r.choice([me.next, me.next, me.next, self.near(me.next), self.near(peer.acked),
                        self.edge(c, way), self.edge(c, way), 0, r.getrandbits(32)])
        ack = r.choice([peer.next, peer.next, peer.next, self.near(peer.next),
                        self.near(me.acked), peer.next - 66000 & MASK, peer.next - 66001 & MASK,
                        r.getrandbits(32)])
        length = r.choice([0, 0, 0, 1, 100, 1400])
        options = b""
        if self.one_in(6):
            options = self.blocks(peer)
        elif self.one_in(8):
            options = self.offer(c, way)
        packet = tcp(me.address, me.port, peer.address, peer.port,
                     r.choice(FLAGS), seq, ack, bytes(length), options, r.choice(WINDOWS),
                     reserved=r.choice([0, 0, 0, 0, 1, 15]))
        if self.one_in(25):
            packet = self.other_offset(packet)
        return me.side, self.broken(packet, 40)

    def near(self, number):
        return number + self.random.choice([-2, -1, 0, 1, 2, 100, -100]) & MASK

    def edge(self, c, way):
        """Around the end of the window that the peer offers, and as far again behind it."""
        r = self.random
        me, peer = c.ends[way], c.ends[1 - way]
        window = peer.window << min(peer.scale, 14)
        return peer.acked + r.choice([window, window, 2 * window, -window, -66000, 66000]) + \
            r.choice([-1, 0, 1, 2]) & MASK

    def blocks(self, peer):
        r = self.random
        blocks = b"".join(struct.pack(">II", self.near(peer.next), self.near(peer.next))
                          for _ in range(r.choice([1, 1, 2, 3])))
        options = b"\1\1\5" + bytes([2 + len(blocks)]) + blocks
        if self.one_in(5):
            options = options[:3] + bytes([r.choice([0, 1, 3, 9, 40])]) + options[4:]
        return options

    def other_offset(self, packet):
        """The data offset says something else, the checksum agrees."""
        start, ends = (20, (packet[12:16], packet[16:20])) if packet[0] >> 4 == 4 else \
            (40, (packet[8:24], packet[24:40]))
        part = bytearray(packet[start:])
        part[12] = self.random.choice([0, 4, 5, 6, 15]) << 4 | part[12] & 15
        src, dst = (str(ipaddress.ip_address(e)) for e in ends)
        return ip(src, dst, TCP, bytes(part[:self.random.choice([8, 19, 20, len(part)])]))
