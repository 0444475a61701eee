"""walk.py - what generated streams of all protocols have in common.

A stream is a list of (side, packet), or ("wait", seconds), that its seed alone decides: it can be
repeated, cut and thinned out.  Few addresses and ports, so that packets meet flows of former ones
all the time; about two packets in three are what a real peer could send next, the others lie
around the edges of what a tracker must accept.
"""
from packets import HOST, PEERS

PORTS = [22, 53, 80, 0, 40000]


def side_of(address):
    """Whence a packet with this source comes."""
    if any(address in own.values() for own in HOST.values()):
        return None
    return "wg0" if address.startswith(("10.8.0.", "fd08::")) else "eth0"


class Walk:
    """What all have in common.  A protocol says what comes next in packet()."""

    config = None    # options of the engine that it needs
    rulesets = None  # rules that it needs
    chance = False   # whether something is drawn
    batch = 1000     # packets of a stream at most

    def __init__(self, random):
        self.random = random
        self.sent = []  # the last ones, for errors to quote

    def stream(self, count):
        items = []
        while len(items) < count:
            for side, packet in self.packet():
                items.append((side, packet))
                if side != "wait":
                    self.sent = self.sent[-40:] + [(side, packet)]
        return items

    def one_in(self, n):
        return self.random.randrange(n) == 0

    def pair(self, version=None):
        """Two ends (side, address).  The other is the host itself now and then."""
        r = self.random
        version = version or r.choice([4, 4, 6])
        near, far = r.choice([("wg0", "eth0"), ("eth0", "wg0")])
        a = near, r.choice(PEERS[near][version][:2])
        b = far, r.choice(PEERS[far][version][:2])
        if self.one_in(12):
            b = None, HOST[near][version]
        elif self.one_in(40):
            b = a
        return a, b

    def broken(self, packet, odds=50):
        """The packet, or with a byte of its transport part changed, once in a while."""
        if not self.one_in(odds):
            return packet
        start = (packet[0] & 15) * 4 if packet[0] >> 4 == 4 else 40
        if len(packet) <= start:
            return packet
        at = self.random.randrange(start, len(packet))
        return packet[:at] + bytes([packet[at] ^ 1 << self.random.randrange(8)]) + packet[at + 1:]
