"""stream_fragments.py - datagrams in pieces: in order and not, twice, one over another, some
missing, cut where they may not be, of UDP, ICMP and what has no ports.

Several datagrams are under way at a time, each with an identification of its own; only sometimes
is one used again.
"""
import struct

from packets import GRE, ICMP, ICMPV6, UDP, icmp, ip, udp
from walk import PORTS, Walk

MORE = 1


class Fragments(Walk):
    def __init__(self, random):
        super().__init__(random)
        self.ident = random.getrandbits(16)
        self.waiting = []  # lists of packets still to be sent

    def packet(self):
        r = self.random
        while len(self.waiting) < 3:
            self.waiting.append(self.datagram())
        pieces = r.choice(self.waiting)
        if pieces:
            yield pieces.pop(0)
        if not pieces:
            self.waiting.remove(pieces)

    def datagram(self):
        r = self.random
        (side, a), (_, b) = self.pair()
        whole, proto = self.payload(a, b)
        self.ident = self.ident + (not self.one_in(30)) & 0xFFFF
        pieces = self.cut(whole)
        pieces = self.spoilt(pieces) if self.one_in(3) else pieces
        if self.one_in(3):
            r.shuffle(pieces)
        if self.one_in(4):
            pieces.insert(r.randrange(len(pieces)), r.choice(pieces))
        make = self.six if ":" in a else self.four
        df = self.one_in(5)
        tos = r.choice([0, 0, 0, 1, 2])
        made = []
        for offset, more, data in pieces:
            if self.one_in(60):
                tos = r.choice([0, 1, 2, 3])
            made.append((side, make(a, b, proto, offset, more, data, df, tos)))
        if self.one_in(8):  # and one that is whole
            made.append((side, udp(a, r.choice(PORTS), b, r.choice(PORTS), b"whole")))
        return made

    def payload(self, a, b):
        r = self.random
        size = r.choice([1, 7, 8, 9, 24, 100, 600, 1400, 3000, 6000])
        head = 40 if ":" in a else 20
        kind = r.randrange(8)
        if kind < 5:
            return udp(a, r.choice(PORTS), b, r.choice(PORTS), r.randbytes(size))[head:], UDP
        if kind < 7:
            six = ":" in a
            whole = icmp(a, b, 128 if six else 8, 0, b"\0\1\0\1", r.randbytes(size))
            return whole[head:], ICMPV6 if six else ICMP
        return r.randbytes(size), r.choice([GRE, 50, 99])

    def cut(self, whole):
        """(offset, whether more follow, data) of each piece."""
        r = self.random
        step = r.choice([8, 16, 64, 512, 1024, 1400 // 8 * 8])
        step = max(step, (len(whole) // 20 + 7) & ~7)
        pieces, at = [], 0
        while at < len(whole):
            end = at + (step if not self.one_in(4) else max(8, step // 16 * 8))
            pieces.append((at, MORE if end < len(whole) else 0, whole[at:end]))
            at = end
        return pieces

    def spoilt(self, pieces):
        r = self.random
        i = r.randrange(len(pieces))
        offset, more, data = pieces[i]
        kind = r.randrange(8)
        if kind == 0:
            del pieces[i]  # one is missing
            pieces = pieces or [(offset, more, data)]
        elif kind == 1:
            pieces.insert(i, (offset, more, data[:len(data) // 2]))
        elif kind == 2:
            pieces.append((max(offset - 8, 0), more, bytes(len(data))))  # over another
        elif kind == 3:
            pieces[i] = (offset, MORE, data[:r.choice([1, 7, 9, len(data)])])
        elif kind == 4:
            pieces[i] = (offset, 0, data)
        elif kind == 5:
            pieces[i] = (offset, more, b"")
        elif kind == 6:
            pieces.append((r.choice([65528, 65520, 8192]), r.choice([0, MORE]), bytes(16)))
        else:
            pieces.insert(i, (offset, more, r.randbytes(len(data))))  # as long, and other data
        return pieces

    def four(self, a, b, proto, offset, more, data, df, tos):
        field = offset // 8 & 0x1FFF | more << 13 | df << 14
        options = b"\x94\4\0\0" if self.one_in(80) else b""
        return ip(a, b, proto, data, ident=self.ident, fragment=field, tos=tos, options=options,
                  whole=False)

    def six(self, a, b, proto, offset, more, data, df, tos):
        head = struct.pack(">BBHI", proto, 0, offset & 0xFFF8 | more, self.ident)
        return ip(a, b, 44, head + data, tos=tos, whole=False)
