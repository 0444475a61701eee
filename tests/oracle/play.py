"""play.py - a list of packets through both sides in step, and the shortest list that still
differs.

An item of a stream is (side, packet): whence it comes, None for the host itself; or ("wait",
seconds).  A packet may be an Answer (stream_nat.py), which is another one for each side.
"""
import time

import compare
import kernel
import stream_nat
from engine import Engine
from packets import HOST_ADDRESSES


def sysctls(config):
    return {name.replace("-", "_"): {"yes": 1, "no": 0}.get(value, value)
            for name, value in config.items() if name != "helpers"}


class Play:
    """What came of a stream.  differences: (index of the item, kind, text), the index len(items)
    for the tables at the end; told: (ours, theirs, the kernel's entry) of each packet."""

    def __init__(self, ruleset, driver, config=None, addresses=HOST_ADDRESSES, host=None):
        """config: options of [conntrack].  The kernel is told helpers by rules, the others have
        their names from its sysctls."""
        config = config or {}
        self.ruleset = ruleset
        self.engine = Engine(driver, ruleset, config, host)
        try:
            self.kernel = kernel.Kernel(ruleset, addresses, sysctls(config))
        except BaseException:
            self.engine.close()
            raise
        self.helpers = config.get("helpers", "off") != "off"
        if self.helpers:
            self.kernel.assign_helpers(config["helpers"].split(","))
        self.differences = []
        self.told = []
        self.emitted = {}  # of what may be answered, by both: (ours, theirs)
        self.sent = []     # to the kernel, as items
        self.seconds = 0

    def close(self):
        self.kernel.close()
        self.engine.close()

    def run(self, items, to_the_end=False):
        """Stops at the first packet that differs unless told otherwise."""
        start = time.monotonic()
        for index, (side, packet) in enumerate(items):
            if side == "wait":
                time.sleep(packet)
                self.told.append(None)
                self.sent.append((side, packet))
                continue
            found = self.turn(side, packet)
            self.differences += [(index, kind, text) for kind, text in found]
            if found and not to_the_end:
                break
        else:
            self.differences += [(len(items), kind, text) for kind, text in self.tables()]
        self.seconds = time.monotonic() - start
        return self

    def turn(self, side, packet):
        """A packet, or the answer to what became of one; none where that did not arrive."""
        if not hasattr(packet, "make"):
            self.sent.append((side, packet))
            return self.step(side, packet, packet)
        ours, theirs = self.emitted.get(id(packet.asked), (None, None))
        if not ours or not theirs:
            self.told.append(None)
            self.sent.append(("wait", 0))
            return []
        self.sent.append((side, packet.make(theirs)))
        return self.step(side, packet.make(theirs), packet.make(ours))

    def step(self, side, packet, mine):
        """mine: what the engine gets."""
        theirs = self.kernel.packet(side, packet)
        theirs["may_lack_answers"] = not self.kernel.answers_all or \
            compare.transport(packet) not in (1, 6, 17, 58)
        if isinstance(packet, stream_nat.Asked):
            theirs["port"] = stream_nat.Ends(packet).sport
        ours = self.engine.packet(theirs["time"], mine)
        self.emitted[id(packet)] = (bytes.fromhex(ours["out"][0]) if ours["out"] else None,
                                    stream_nat.as_sent(theirs["out"][0]) if theirs["out"] else None)
        entry = None
        if "entry" in ours:
            mine = ours["entry"]
            entry = self.kernel.conntrack.entry(mine["tuple"][0], mine["zone"])
        self.told.append((ours, theirs, entry))
        late = self.kernel.milliseconds(theirs["time"])
        found = list(compare.differences(ours, theirs))
        found += compare.entry_of_packet(ours, entry, late)
        if self.helpers:
            found += self.expectations()
        return found

    def expectations(self):
        now = self.kernel.now()
        theirs = self.kernel.conntrack.expectations()
        late = self.kernel.milliseconds(now)
        return compare.expectation_differences(self.engine.expectations(now), theirs, late)

    def tables(self):
        now = self.kernel.now()
        theirs = self.kernel.conntrack.flows()
        late = self.kernel.milliseconds(now)
        return compare.table_differences(self.engine.flows(now), theirs, late)


def shrink(items, kind, play):
    """The shortest list found by leaving out parts, for which play(list) still has a difference of
    that kind: delta debugging."""
    def differs(some):
        return any(k == kind for i, k, t in play(some).differences)

    size = (len(items) + 1) // 2
    while size:
        at = 0
        while at < len(items):
            some = items[:at] + items[at + size:]
            if some and differs(some):
                items = some
            else:
                at += size
        size = size // 2
    return items
