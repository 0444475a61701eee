"""stream_sctp.py - SCTP associations that go on as they should, or do not quite: chunks, where
they stand, and verification tags."""
import struct

from packets import SCTP, ip
from walk import Walk

(DATA, INIT, INIT_ACK, SACK, HEARTBEAT, HEARTBEAT_ACK, ABORT, SHUTDOWN, SHUTDOWN_ACK, ERROR,
 COOKIE_ECHO, COOKIE_ACK) = range(12)
SHUTDOWN_COMPLETE = 14
# What a packet may begin with: who sends it (0: who began) and the chunks.
WAY = [(0, [INIT]), (1, [INIT_ACK]), (0, [COOKIE_ECHO]), (1, [COOKIE_ACK]), (0, [DATA]),
       (1, [SACK]), (1, [DATA]), (0, [SACK]), (0, [HEARTBEAT]), (1, [HEARTBEAT_ACK]),
       (0, [SHUTDOWN]), (1, [SHUTDOWN_ACK]), (0, [SHUTDOWN_COMPLETE])]
KINDS = list(range(12)) + [14, 14, 63, 128, 192, 255]


class Association:
    def __init__(self, random, ends):
        self.ends = ends
        self.tag = [random.getrandbits(32) or 1, random.getrandbits(32) or 1]  # each one's own
        self.step = 0


class Sctp(Walk):
    def __init__(self, random):
        super().__init__(random)
        self.associations = []

    def packet(self):
        r = self.random
        if len(self.associations) < 4 or self.one_in(40):
            self.associations = self.associations[-3:] + [self.begin()]
        a = r.choice(self.associations)
        if r.random() < 0.7 and a.step < len(WAY):
            way, chunks = WAY[a.step]
            a.step += 1
            if self.one_in(12):  # once more, or some steps on
                a.step += r.choice([-1, -1, 1, 3])
                a.step = max(a.step, 0)
            yield self.send(a, way, chunks)
        else:
            yield self.odd(a)
        if a.step >= len(WAY) and self.one_in(4):
            self.associations.remove(a)

    def begin(self):
        r = self.random
        if self.associations and self.one_in(2):
            return Association(r, r.choice(self.associations).ends)
        a, b = self.pair()
        return Association(r, [a + (r.choice([5000, 5001]),), b + (r.choice([80, 36412]),)])

    def odd(self, a):
        r = self.random
        chunks = [r.choice(KINDS) for _ in range(r.choice([1, 1, 1, 2, 3]))]
        tag = r.choice([None, None, None, 0, a.tag[0], a.tag[1], 77])
        flags = r.choice([0, 0, 1])
        return self.send(a, r.randrange(2), chunks, tag, flags)

    def send(self, a, way, chunks, tag=None, flags=0):
        (side, src, sport), (_, dst, dport) = a.ends[way], a.ends[1 - way]
        if tag is None:
            tag = 0 if chunks[0] == INIT else a.tag[1 - way]
        part = struct.pack(">HHII", sport, dport, tag, 0)
        part += b"".join(self.chunk(a, way, kind, flags) for kind in chunks)
        if self.one_in(40):
            part = part[:self.random.choice([3, 4, 11, 12, 13, 15, len(part) - 1])]
        return side, self.broken(ip(src, dst, SCTP, part), 50)

    def chunk(self, a, way, kind, flags):
        r = self.random
        body = b""
        if kind in (INIT, INIT_ACK):
            tag = a.tag[way] if not self.one_in(10) else r.choice([0, 1, a.tag[1 - way]])
            body = struct.pack(">IIHHI", tag, 65536, 10, 10, 1)
            body = body[:r.choice([4, 8, 15])] if self.one_in(20) else body
        elif kind == DATA:
            body = struct.pack(">IHHI", 1, 0, 0, 0) + bytes(r.choice([1, 3, 4, 100]))
        elif kind in (SACK, SHUTDOWN, COOKIE_ECHO, HEARTBEAT, HEARTBEAT_ACK):
            body = bytes(r.choice([4, 8, 12]))
        length = 4 + len(body)
        if self.one_in(40):
            length = r.choice([0, 1, 3, 4, length + 1, length + 4, 65535])
        return struct.pack(">BBH", kind, flags, length) + body + bytes(-len(body) % 4)
