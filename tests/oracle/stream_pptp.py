"""stream_pptp.py - sessions and calls of PPTP, and the GRE that carries them."""
import struct

from packets import ACK, GRE, PSH, ip
from stream_helpers import INWARD, NATS, RULES, Talk

COOKIE = 0x1A2B3C4D
# Behind the head of each message.
LENGTH = {1: 144, 2: 144, 3: 4, 4: 4, 5: 4, 6: 8, 7: 156, 8: 20, 9: 208, 10: 12, 11: 16, 12: 4,
          13: 136, 14: 28, 15: 12}


def message(kind, start=b""):
    length = LENGTH[kind]
    return struct.pack(">HHIHH", 12 + length, 1, COOKIE, kind, 0) + start.ljust(length, b"\0")


def ids(*values):
    return struct.pack(">%dH" % len(values), *values)


def gre(call):
    return struct.pack(">HHHH", 0x2001, 0x880B, 4, call) + b"data"


class Pptp(Talk):
    """Two ends that mostly do what they should, each pair once.  A call is agreed on once and
    ends for sure, its ids do not change meanwhile, and no GRE that is in no call is let in: the
    kernel goes by the ids that were said last, or none, when it looks for what ends with a call,
    and leaves the rest."""

    rulesets = [RULES.replace(INWARD, "")]

    port = 0

    def conversation(self):
        r = self.r
        e = self.ends(1723)
        e.port = self.port = self.port % 60000 + 1024
        yield from e.handshake()
        self.pns, self.pac = r.randrange(1, 65536), r.randrange(1, 65536)
        for back, data in self.session(e):
            if data[9] not in (8, 11, 13):
                if self.one_in(20):
                    continue
                data = self.mangled(data)
                if self.one_in(15):
                    yield e.tcp(back, PSH | ACK, data, again=True)
            yield e.tcp(back, PSH | ACK, data)
            yield from self.carried(e)

    def seen_pns(self, e):
        return self.pns

    def mangled(self, data):
        """Cut short, or with another head."""
        r = self.r
        if not self.one_in(16):
            return data
        at = r.randrange(len(data))
        return data[:at] if self.one_in(2) else r.randbytes(1).join([data[:at % 12], data[at % 12 + 1:]])

    def session(self, e):
        r = self.r
        result = b"\1" if not self.one_in(8) else b"\2"
        yield 0, message(1, ids(0x100))
        yield 1, message(2, ids(0x100) + result)
        for _ in range(r.randrange(1, 4)):
            yield from self.call(e)
        if self.one_in(2):
            yield 0, message(3)
            yield 1, message(4, result)

    def call(self, e):
        r = self.r
        result = b"\1" if not self.one_in(8) else b"\2"
        if self.one_in(4):
            yield 1, message(9, ids(self.pac, 1))
            yield 0, message(10, ids(self.pns, self.pac) + result)
            yield 1, message(11, ids(self.pns))
        else:
            yield 0, message(7, ids(self.pns, 1))
            yield 1, message(8, ids(self.pac, self.seen_pns(e)) + result)
        for _ in range(r.randrange(5)):
            kind = r.choice([1, 2, 3, 4, 5, 6, 12, 13, 14, 15])
            yield r.randrange(2), message(kind, ids(self.seen_pns(e), r.randrange(3)))
        if self.one_in(2):
            yield 0, message(12, ids(self.pns))
        yield 1, message(13, ids(self.seen_pns(e)))

    def carried(self, e):
        r = self.r
        for _ in range(r.choice([0, 0, 1, 2, 4])):
            yield self.gre(e, r.randrange(2))

    def gre(self, e, back):
        r = self.r
        call = self.seen_pns(e) if back else self.pac
        if self.one_in(12):
            call = r.choice([0, 1, 23, 77])
        part = gre(call) if not self.one_in(15) else struct.pack(">HH", 0, 0x800)
        return "eth0" if back else "wg0", ip(e.own(back), e.seen(not back), GRE, part)


class PptpNat(Pptp):
    """Left out is what the kernel does not do well: calls that the server begins, what it has
    forgotten to expect no more when the server's GRE comes first or none at all, and a second
    call beside the first."""

    rulesets = NATS

    def seen_pns(self, e):
        return e.port

    def mangled(self, data):
        return data

    def session(self, e):
        r = self.r
        yield 0, message(1, ids(0x100))
        yield 1, message(2, ids(0x100) + b"\1")
        for _ in range(r.randrange(1, 3)):
            yield 0, message(7, ids(self.pns, 1))
            yield 1, message(8, ids(self.pac, self.seen_pns(e)) + b"\1")
            for _ in range(r.randrange(5)):
                kind = r.choice([5, 6, 14, 15, 12])
                yield r.randrange(2), message(kind, ids(self.seen_pns(e), r.randrange(3)))
            if self.one_in(2):
                yield 0, message(12, ids(self.pns))
            yield 1, message(13, ids(self.seen_pns(e)))

    def carried(self, e):
        yield "wg0", ip(e.own(0), e.seen(1), GRE, gre(self.pac))
        yield from super().carried(e)
