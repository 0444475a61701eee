"""grammar.py - rules at random, from the table of fields: operators, masks, sets, concatenations,
maps, verdict maps, jumps, marks.  Each item is one command and the words that it is made of, so
that what one side refuses can be left out and counted.
"""
import operator
import re
from collections import namedtuple

from fields import FIELDS, PROTOCOLS, headers, read

# What nft 1.0.6 can list in a concatenation without a type of its own; it ends by an assertion, or
# lists zeroes, where the type is a number of no fixed length.
TYPED = re.compile(r"(addr|port|mark|protocol|nexthdr|[io]ifname|ct state|ct direction|ct status|"
                   r"icmp(v6)? type|l4proto|nfproto|tcp flags|group)$")
Item = namedtuple("Item", "text features name", defaults=[None])
MARKS = [0, 1, 2, 4, 6, 0x80, 0x80000001]
# What the last chain tells of marks, bit by bit.
MARK_BITS = [0, 1, 2, 7, 31]
# How many rules change the packet, in rulesets that have such; and options that some pad over.
WRITES = 0.25
OPTIONS = ["maxseg", "window", "sack-perm", "sack", "timestamp", "mptcp", "fastopen", "nop", "19"]
# What would make a later fragment of a packet: of these the kernel finds the transport's fields of
# one, two and four bytes, and no others.  Header lengths that nothing could have been parsed with.
NOT_WRITTEN = re.compile(r"ip (frag-off|hdrlength)|@nh,(0,8|0,16|32,32)$|@?th\b")
# What nft takes for plain numbers: these alone are compared when they are shifted.
NUMBERS = re.compile(r"(ip6?|icmp|icmpv6|igmp|ah|comp) (ttl|hoplimit|id|length|checksum|hdrlength|mtu|"
                     r"sequence|mrt|spi|reserved|cpi|gateway)$|"
                     r"(tcp|udp|udplite|sctp|esp|frag) (sequence|ackseq|window|urgptr|length|vtag|"
                     r"checksum|spi|id)$|"
                     r"tcp option (maxseg|sack0|timestamp) (size|left|right|tsval|tsecr)$|"
                     r"meta length$|ct (original |reply )?(bytes|packets)$|@[ti]h,\d+,(32|64)$")
MAKES = {"&": operator.and_, "|": operator.or_, "<<": operator.lshift, ">>": operator.rshift}
# Named sets and maps: so many that stay as they are, and so many that packets change.
SETS, DYNAMIC = 5, 4


class Grammar:
    def __init__(self, random, packets):
        self.random = random
        self.packets = packets
        self.found = [headers(p) for p in packets]
        self.known = {}
        self.features = []
        self.names = 0
        self.within = False  # a block of rules, where there is no other
        self.family = random.choice(["inet", "inet", "ip", "ip6"])
        self.table = "%s t" % self.family
        # The selectors of this ruleset: few, so that each is asked for often.
        some = [f for f in FIELDS if self.family == "inet" or f.l3 in (None, self.family)]
        self.writes = WRITES if random.random() < 0.5 else 0
        if self.writes:
            # Where the kernel makes a checksum wrong (matching.py), rules see that.
            some = [f for f in some if "checksum" not in f.text]
        # Options of TCP are changed behind conntrack: see matching.py about their checksum.
        self.late = True
        self.fields = random.sample(some, min(len(some), 45))
        if any(f.text.startswith("@ih") for f in self.fields):
            # Once the kernel has found what is inside, it looks there for the rest of the chain.
            self.fields = [f for f in self.fields if f.text != "tcp doff" or not self.writes]
        self.sets, self.maps, self.vmaps = [], [], []
        self.changing, self.learning = [], []  # sets and maps that packets change
        self.small = set()
        self.subs = ["sub0", "sub1", "sub2"]

    # ---- values

    def values(self, f):
        """What packets have there, and what is next to it."""
        if f.values:
            return f.values
        if f.text not in self.known:
            some = [read(p, h, f.place) for p, h in zip(self.packets, self.found)]
            self.known[f.text] = [v for v in some if v is not None] or [0]
        return self.known[f.text]

    def number(self, f):
        r = self.random
        n = r.choice(self.values(f))
        if not f.values and r.random() < 0.2:
            n = r.choice([n + 1, n - 1, n ^ 1 << r.randrange(f.domain.bits),
                          r.getrandbits(f.domain.bits)])
        return n % (1 << f.domain.bits)

    def constant(self, f):
        if f.domain.words:
            return self.random.choice(f.domain.words)
        return f.domain.text(self.number(f))

    def interval(self, f):
        """Two different ends where there can be."""
        low, high = sorted([self.number(f), self.number(f)])
        if low == high:
            return f.domain.text(low)
        return "%s-%s" % (f.domain.text(low), f.domain.text(high))

    def prefix(self, f):
        bits = f.domain.bits
        length = self.random.choice([bits // 4, bits // 2, bits - 8, bits - 1])
        n = self.number(f) >> bits - length << bits - length
        return "%s/%d" % (f.domain.text(n), length)

    def element(self, f, intervals):
        r = self.random
        # Listing intervals of TCP flags in a set ends nft 1.0.6; the order of some is its own.
        if f.text == "tcp flags":
            return r.choice(["fin", "syn", "rst", "psh", "ack", "urg"])
        # Nor are intervals those of a number across two bytes.
        if f.domain.words or not intervals or f.text == "ip6 dscp" or r.random() < 0.5:
            return self.constant(f)
        if f.domain.bits in (32, 128) and f.text.endswith("addr") and r.random() < 0.5:
            return self.prefix(f)
        return self.interval(f)

    def elements(self, parts, intervals, count):
        """Keys of a set, each once; overlaps are nft's to judge."""
        r = self.random
        found = []
        for _ in range(r.randrange(1, count)):
            one = " . ".join(self.element(f, intervals) for f in parts)
            if one not in found:
                found.append(one)
        return found

    # ---- what a rule looks at

    def choose(self, l3=None, l4=None):
        """A field that fits what the rule is about so far."""
        some = [f for f in self.fields
                if (not f.l3 or not l3 or f.l3 == l3) and
                (not f.l4 or not l4 or f.l4 == l4)]
        return self.random.choice(some) if some else None

    def match(self):
        f = self.choose(self.l3, self.l4)
        if not f:
            return "meta length > 0"
        self.about(f)
        if self.random.random() < 0.12:
            second = self.choose(self.l3, self.l4)
            if second and second != f and TYPED.search(f.text) and TYPED.search(second.text):
                self.about(second)
                return self.concatenation([f, second])
        kinds = [self.equal, self.equal, self.unequal, self.anonymous]
        if NUMBERS.match(f.text) and f.domain.bits % 8 == 0:
            kinds.append(self.shifted)
        if not f.domain.words:
            kinds += [self.range, self.order, self.anonymous]
            # nft takes no other masks of numgen than what it yields, lists those of rt's
            # fields by another name; parts of bytes it masks wrongly.
            if f.domain.bits % 8 == 0 and not re.match("numgen|jhash|rt |srh |@", f.text):
                kinds.append(self.mask)
        return self.random.choice(kinds)(f)

    def about(self, f):
        self.l3 = self.l3 or f.l3
        self.l4 = self.l4 or f.l4
        self.features.append(f.text)

    def equal(self, f):
        return "%s %s" % (f.text, self.constant(f))

    def negation(self, f):
        """Of a field of a packet only once: nft makes one comparison of two fields side by side,
        which then holds when either differs."""
        if self.random.random() < 0.6 or f.place and self.negated:
            return ""
        self.negated = self.negated or bool(f.place)
        return "!= "

    def unequal(self, f):
        if f.place and self.negated:
            return self.equal(f)
        self.negated = self.negated or bool(f.place)
        self.features.append("!=")
        return "%s != %s" % (f.text, self.constant(f))

    def range(self, f):
        self.features.append("range")
        return "%s %s%s" % (f.text, self.negation(f), self.interval(f))

    def order(self, f):
        """One such operator a rule: nft lists two of them as if they were the ends of a range,
        whatever they compare."""
        if self.ordered:
            return self.unequal(f)
        self.ordered = True
        self.features.append("order")
        return "%s %s %s" % (f.text, self.random.choice(["<", ">", "<=", ">="]),
                             self.constant(f))

    def mask(self, f):
        r = self.random
        bits = f.domain.bits
        m = r.choice([1 << r.randrange(bits), (1 << bits) - 1 ^ 1, r.getrandbits(bits) or 1])
        value = self.number(f)
        op = r.choice(["&", "&", "&", "|", "^"])
        self.features.append(op)
        value = {"&": value & m, "|": value | m, "^": value ^ m}[op]
        return "%s %s %s %s %s" % (f.text, op, f.domain.text(m), self.negation(f) or "==",
                                   f.domain.text(value))

    def operations(self, f, values=False):
        """A shift, and what may be around it: its text, and what it makes of the packets' numbers;
        values: such as nft may compare with single ones."""
        r = self.random
        bits = f.domain.bits
        text, numbers = f.text, [self.number(f) for _ in range(8)]
        n = r.choice([1, 1, 2, 3, 7, bits // 2, bits - 1])
        n = n if n < min(bits, 32) else 1
        if r.random() < 0.3:
            m = r.getrandbits(bits) or 1
            text, numbers = "(%s & %s)" % (text, f.domain.text(m)), [x & m for x in numbers]
        inner = r.choice(["<<", ">>"])
        outer = r.choice([None, None, "&", "|", "<<" if values else ">>"])
        # nft takes shifts to the right over to what is compared, and fails.
        if values and not outer:
            inner = "<<"
        self.features.append(inner)
        text = "%s %s %d" % (text, inner, n)
        numbers = [MAKES[inner](x, n) for x in numbers]
        if outer:
            # Behind a shift nft reads numbers only.
            m = r.choice([1, 2]) if outer in ("<<", ">>") else r.getrandbits(bits) or 1
            self.features.append(outer)
            text = "%s %s %d" % (text, outer, m)
            numbers = [MAKES[outer](x, m) for x in numbers]
        return text, sorted({x % (1 << bits) for x in numbers})

    def shifted(self, f):
        """Compared as nft compares what was written: not fields of several bytes of a header with
        single values, whose bytes it turns around."""
        r = self.random
        small = f.domain.bits == 8
        values = small or not f.place and r.random() < 0.5
        text, numbers = self.operations(f, values)
        one = f.domain.text(r.choice(numbers))
        ends = "%s-%s" % (f.domain.text(numbers[0]), f.domain.text(numbers[-1] + 1))
        if numbers[-1] + 1 >> f.domain.bits or small:
            ends = one
        x = r.randrange(4)
        if values and x < 2:
            return "%s %s%s" % (text, self.negation(f) or "== ", one)
        if values:
            # Once each.
            some = [f.domain.text(n) for n in numbers]
            return "%s %s{ %s }" % (text, self.negation(f), ", ".join(some))
        if x < 2 and not self.ordered:
            self.ordered = True
            return "%s %s %s" % (text, r.choice(["<", ">", "<=", ">="]), one)
        if ends == one:
            return "meta length > 0"
        return "%s %s%s" % (text, self.negation(f), ends)

    def anonymous(self, f):
        intervals = self.random.random() < 0.4
        self.features.append("{interval}" if intervals else "{set}")
        if f.domain.words and "exists" in f.domain.words:
            return self.equal(f)  # nft lists such sets as numbers, of whatever type
        if re.search("protocol|nexthdr|proto$", f.text):
            # nft takes the last of a set for the rule's protocol.
            return self.unequal(f)
        return "%s %s{ %s }" % (f.text, self.negation(f),
                                ", ".join(self.elements([f], intervals, 7)))

    def concatenation(self, parts):
        intervals = self.random.random() < 0.3 and self.in_network_order(parts)
        self.features.append("{.interval}" if intervals else "{.}")
        return "%s %s{ %s }" % (" . ".join(self.part(f) for f in parts),
                                self.random.choice(["", "", "!= "]),
                                ", ".join(self.elements(parts, intervals, 6)))

    def part(self, f, bits=(8, 16, 32, 64)):
        """Of a key, shifted now and then."""
        if f.domain.words or f.domain.bits not in bits or self.random.random() < 0.8 or \
                re.match("numgen|jhash|@", f.text):
            return f.text
        return self.operations(f)[0]

    def in_network_order(self, parts):
        """nft 1.0.6 gives the kernel the other parts of concatenated intervals wrongly, and ends by
        an assertion when it lists them."""
        return len(parts) == 1 or all(
            f.place and f.domain.bits % 8 == 0 and f.text != "tcp flags" for f in parts)

    def named(self):
        """A look-up in a set of the table."""
        name, parts = self.random.choice(self.sets + self.changing)
        for f in parts:
            self.about(f)
        self.features.append("@set")
        return "%s %s@%s" % (" . ".join(self.part(f) for f in parts),
                             self.random.choice(["", "", "!= "]), name)

    # ---- what a rule does

    def statement(self):
        r = self.random
        key, other = r.choice([("meta mark", "ct mark"), ("ct mark", "meta mark")])
        number = hex(r.choice(MARKS))
        x = r.randrange(6)
        self.features.append("set mark")
        if x < 3:
            return key + " set " + [number, other, "%s %s %s" % (
                r.choice([key, other]), r.choice(["|", "&", "^"]), number)][x]
        f = self.choose(self.l3, self.l4)
        if f and r.random() < 0.4 and NUMBERS.match(f.text) and self.in_statements(f):
            self.about(f)
            return "%s set %s" % (key, self.operations(f)[0])
        if x == 3 and f and self.in_statements(f):
            self.about(f)
            self.features.append("map")
            keys = self.elements([f], r.random() < 0.3, 6)
            return "%s set %s map { %s }" % (key, f.text, ", ".join(
                "%s : %s" % (k, hex(r.choice(MARKS))) for k in keys))
        if x == 4 and (self.maps or self.learning):
            name, parts = r.choice(self.maps + self.learning)
            for part in parts:
                self.about(part)
            self.features.append("@map")
            return "%s set %s map @%s" % (key, " . ".join(p.text for p in parts), name)
        return r.choice(["ct mark set meta mark", "meta mark set 0x6"])

    def in_statements(self, f):
        """nft's grammar takes neither extension headers nor fib there; and what an option needs it
        puts before all of the rule, where we put it before the statement."""
        return not (f.place and isinstance(f.place[0], tuple)) and "fib" not in f.text

    def change(self):
        """A statement by which a packet changes a set or map."""
        r = self.random
        name, parts = r.choice(self.changing + self.learning)
        for part in parts:
            self.about(part)
        # What packets delete of a set that has few places keeps its own in the kernel.
        op = r.choice(["add", "add", "update"] + ["delete"] * (name not in self.small))
        value = ""
        if (name, parts) in self.learning:
            value = " : " + r.choice(["0x6", "0x81", "meta mark", "ct mark"])
        self.features.append(op + " @set")
        return "%s @%s { %s%s }" % (op, name, " . ".join(p.text for p in parts), value)

    # ---- what a rule does to the packet

    def write(self):
        """A field of a header, or of an option of TCP, that is set or padded over."""
        r = self.random
        if r.random() < 0.15 and self.late:
            self.features.append("reset option")
            return "reset tcp option " + r.choice(OPTIONS)
        f = self.choose(self.l3, self.l4)
        if not f or not f.place or f.domain.words or NOT_WRITTEN.match(f.text) or \
                f.place[0][0] == "tcp" and not self.late:
            return ""
        self.about(f)
        self.features.append("write")
        x = r.randrange(8)
        if x < 5:
            return "%s set %s" % (f.text, self.constant(f))
        other = self.choose(self.l3, self.l4)
        if x == 5 or not other or not other.place or not self.in_statements(other):
            # nft sets shorter fields to the upper half of such a number, and options to one of
            # the host's byte order.
            return "%s set numgen inc mod 5 offset %d" % (f.text, r.randrange(1 << 16)) \
                if f.domain.bits == 32 and f.place[0] in PROTOCOLS else "%s set 0" % f.text
        self.about(other)
        if x == 6:
            return "%s set %s" % (f.text, self.written(f, other))
        return "%s set %s map { %s }" % (f.text, other.text, ", ".join(
            "%s : %s" % (key, self.constant(f)) for key in self.elements([other], False, 6)))

    def written(self, f, other):
        """Shorter fields are set to another part of what is shifted, see above."""
        if not NUMBERS.match(other.text) or f.domain.bits < other.domain.bits or \
                f.place[0][0] == "tcp" or self.random.random() < 0.5:
            return other.text
        return self.operations(other)[0]

    def end(self, targets):
        """At the rule's end: mostly nothing, so that the rules behind it are reached."""
        r = self.random
        x = r.random()
        if x < 0.80:
            return ""
        if x < 0.88:
            return r.choice(["accept", "return", "continue", "return", "drop"])
        if x < 0.90 and targets and not self.within:
            return r.choice(["jump ", "goto "]) + self.block(targets)
        if x < 0.94 and targets:
            return r.choice(["jump ", "goto "]) + r.choice(targets)
        f = self.choose(self.l3, self.l4)
        if not f or not self.in_statements(f):
            return ""
        self.features.append("vmap")
        self.about(f)
        some = ["accept", "continue", "return", "continue"] + ["jump " + t for t in targets]
        # A map's verdicts jump to the last chain.
        if self.vmaps and "sub2" in targets and r.random() < 0.4:
            name, parts = r.choice(self.vmaps)
            for part in parts:
                self.about(part)
            self.features.append("@vmap")
            return "%s vmap @%s" % (" . ".join(p.text for p in parts), name)
        keys = self.elements([f], r.random() < 0.3, 6)
        return "%s vmap { %s }" % (f.text, ", ".join("%s : %s" % (k, r.choice(some))
                                                     for k in keys))

    def block(self, targets):
        """Rules in the place of a chain's name."""
        about = self.features, self.l3, self.l4, self.ordered, self.negated
        self.within = True
        rules = [self.rule(targets) for _ in range(self.random.randrange(1, 4))]
        self.within = False
        inner = self.features
        self.features, self.l3, self.l4, self.ordered, self.negated = about
        self.features += ["block"] + inner
        return "{ %s; }" % "; ".join(rules)

    def rule(self, targets):
        """Matches, a counter, the rule's name in a log, and what it does."""
        r = self.random
        self.features, self.l3, self.l4 = [], None, None
        self.ordered = self.negated = False
        if self.family != "inet":
            self.l3 = self.family
        chosen = [self.match() for _ in range(r.choice([1, 1, 1, 2, 2, 3]))]
        if (self.sets or self.changing) and self.l3 != "flow" and r.random() < 0.2:
            chosen.append(self.named())
        if r.random() < 0.15:
            chosen.append(r.choice(["limit rate %d/day burst %d packets", "quota over %d bytes",
                                    "quota until %d bytes"]).replace("burst %d", "burst 7") %
                          r.choice([1, 3, 500]))
            self.features.append(chosen[-1].split()[0])
        tail = self.statement() if r.random() < 0.15 else ""
        if (self.changing or self.learning) and self.l3 != "flow" and r.random() < 0.2:
            # Whether it took the packet shows in the counter and the log behind it.
            chosen.append(self.change())
        if r.random() < self.writes:
            chosen.append(self.write())
        end = self.end(targets)
        self.names += 1
        return " ".join(w for w in chosen + ["counter", 'log prefix "r%d" group 7' % self.names,
                                             tail, end] if w)

    # ---- a ruleset

    def items(self, rules):
        """Commands: the table, its sets, chains, rules.  A table of its own tells the marks."""
        r = self.random
        yield Item("add table " + self.table, ["table"])
        for chain in self.subs:
            yield Item("add chain %s %s" % (self.table, chain), ["chain"])
        bases = []
        for priority in (-310, -150, 0):
            bases.append("base%d" % len(bases))
            yield Item("add chain %s %s { type filter hook prerouting priority %d; }" % (
                self.table, bases[-1], priority), ["chain"])
        yield from self.named_sets()
        yield from self.dynamic_sets()
        self.late = False
        for i, chain in enumerate(self.subs):
            for _ in range(rules // 10):
                rule = self.rule(self.subs[i + 1:])
                yield Item("add rule %s %s %s" % (self.table, chain, rule), self.features)
        for chain in bases:
            self.late = chain != bases[0]
            for _ in range(rules // 4):
                rule = self.rule(self.subs)
                yield Item("add rule %s %s %s" % (self.table, chain, rule), self.features)
        yield from self.tell_marks()

    def named_sets(self):
        r = self.random
        for i in range(SETS):
            # Raw payload has the type of what is known to lie there, in nft not by the same rules;
            # of sets of ip6 dscp the kernel gets another number than packets have.
            parts = r.sample([f for f in self.fields
                              if not f.domain.words and f.l4 != "any" and f.text[0] != "@" and
                              f.text != "ip6 dscp"],
                             r.choice([1, 1, 2]))
            if not all(TYPED.search(f.text) for f in parts):
                parts = parts[:1]
            if len({f.l3 for f in parts if f.l3}) > 1 or len({f.l4 for f in parts if f.l4}) > 1:
                parts = parts[:1]
            intervals = r.random() < 0.4 and self.in_network_order(parts)
            what, more, kind = r.choice([("set", "", self.sets), ("set", "", self.sets),
                                         ("map", " : meta mark", self.maps),
                                         ("map", " : verdict", self.vmaps)])
            keys = self.elements(parts, intervals, 8)
            if kind is self.maps:
                keys = ["%s : %s" % (k, hex(r.choice(MARKS))) for k in keys]
            elif kind is self.vmaps:
                keys = ["%s : %s" % (k, r.choice(["accept", "continue", "jump sub2"]))
                        for k in keys]
            name = "%s%d" % (what, i)
            yield Item("add %s %s %s { typeof %s%s;%s elements = { %s }; }" % (
                what, self.table, name, " . ".join(f.text for f in parts), more,
                " flags interval;" if intervals else "", ", ".join(keys)),
                ["named " + what] + [f.text for f in parts], (kind, name, parts))

    def dynamic_sets(self):
        """Some take few elements only."""
        r = self.random
        for i in range(DYNAMIC):
            parts = self.key_of([f for f in self.fields
                                 if not f.domain.words and f.l4 != "any" and
                                 TYPED.search(f.text)])
            if not parts:
                return
            what, more, kind = r.choice([("set", "", self.changing),
                                         ("set", "", self.changing),
                                         ("map", " : meta mark", self.learning)])
            # nft writes a value over the end of such a key.
            if kind is self.learning and sum(max(f.domain.bits, 32) for f in parts) > 128:
                parts = parts[:1]
            name = "dynamic%d" % i
            size = r.choice([3, 1000, 1000])
            if size == 3:
                self.small.add(name)
            yield Item("add %s %s %s { typeof %s%s; flags dynamic; size %d;%s }" % (
                what, self.table, name, " . ".join(f.text for f in parts), more,
                size, r.choice(["", " counter;"])),
                ["dynamic " + what] + [f.text for f in parts], (kind, name, parts))

    def key_of(self, some):
        parts = self.random.sample(some, min(len(some), self.random.choice([1, 1, 2])))
        if len({f.l3 for f in parts if f.l3}) > 1 or len({f.l4 for f in parts if f.l4}) > 1:
            parts = parts[:1]
        return parts

    def taken(self, item):
        """Both sides have taken it: what it names can be used."""
        if item.name:
            kind, name, parts = item.name
            if kind is self.sets or all(self.in_statements(f) for f in parts):
                kind.append((name, parts))

    def tell_marks(self):
        """And no packet goes on from here, so that none confirms a flow: the host would have
        dropped some of them, by rules of its own."""
        yield Item("add table inet marks", ["table"])
        for hook in ("input", "forward"):
            yield Item("add chain inet marks %s { type filter hook %s priority 0; policy drop; }" %
                       (hook, hook), ["chain"])
        yield Item("add chain inet marks end { type filter hook prerouting priority 300; }",
                   ["chain"])
        yield Item('add rule inet marks end log prefix "end" group 7', ["log"])
        for key in ("meta", "ct"):
            for bit in MARK_BITS:
                yield Item('add rule inet marks end %s mark & 0x%x != 0 log prefix "%s%d" group 7' %
                           (key, 1 << bit, key, bit), ["mark"])
