"""rules.py - random rulesets of the language that the engine speaks.

Every rule logs its own name, so that the log statements which a packet met say of each rule
whether it matched.
"""
from packets import HOST, PEERS, PORTS

HOOKS = ["prerouting", "input", "forward", "output", "postrouting"]
# Where the host's answers to a reject do not come by.
REJECTING_HOOKS = ["prerouting", "input", "forward"]
STATES = ["new", "established", "related", "invalid", "untracked"]
STATUS = ["expected", "seen-reply", "assured", "confirmed"]
LABELS = [1, 5, 63, 64, 127]
FLAGS = ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"]
PROTOS = {"tcp": 6, "udp": 17, "icmp": 1, "ipv6-icmp": 58, "esp": 50}
ICMP_TYPES = {"icmp": ["echo-request", "echo-reply", "destination-unreachable", "time-exceeded",
                       "timestamp-request", "timestamp-reply"],
              "icmpv6": ["echo-request", "echo-reply", "destination-unreachable",
                         "time-exceeded", "parameter-problem"]}
LENGTHS = [28, 40, 41, 48, 60, 68, 100, 140, 500, 1020, 1040]


class Rules:
    def __init__(self, random, rules=60):
        self.random = random
        self.names = 0
        self.rejecting = random.random() < 0.4
        self.drops_early = False  # before conntrack
        self.text = ""
        families = random.choices(["ip", "ip6", "inet"], k=random.randrange(1, 4))
        for i, family in enumerate(families):
            self.table(family, "t%d" % i, rules // len(families))

    def table(self, family, name, rules):
        r = self.random
        bases = r.choices(REJECTING_HOOKS if self.rejecting else HOOKS, k=r.randrange(2, 6))
        chains = ["sub%d" % i for i in range(3)]
        bodies = []
        for i, chain in enumerate(chains):  # sub chains jump to later ones only
            bodies.append("chain %s {\n%s}\n" % (
                chain, self.body(family, None, chains[i + 1:], rules // 8)))
        bodies.reverse()
        for i, hook in enumerate(bases):
            priority = r.choice([-400, -300, -150, -10, 0, 0, 5, 50])
            if priority < -200 and hook in ("prerouting", "output"):
                self.drops_early = True
            head = "type filter hook %s priority %d; policy %s;\n" % (
                hook, priority, r.choice(["accept", "accept", "accept", "drop"]))
            bodies.append("chain base%d {\n%s%s}\n" % (
                i, head, self.body(family, hook, chains, rules // len(bases))))
        self.text += "table %s %s {\n%s}\n" % (family, name, "".join(bodies))

    def body(self, family, hook, targets, count):
        return "".join(self.rule(family, hook, targets) + "\n" for _ in range(count))

    def rule(self, family, hook, targets):
        r = self.random
        self.may_order = True
        self.family = family
        # What the rule is about; nft refuses protocols that exclude each other.
        l3 = {"ip": "ip", "ip6": "ip6"}.get(family) or r.choice([None, "ip", "ip6"])
        l4 = r.choice([None, None, "tcp", "udp", "th",
                       "icmpv6" if l3 == "ip6" else "icmp" if l3 == "ip" else
                       r.choice(["icmp", "icmpv6"])])
        kinds = [self.ct_state, self.ct_direction, self.ct_status, self.marks, self.meta_length,
                 self.names_of_interfaces, self.ct_numbers, self.ct_label]
        if l4:
            kinds += [getattr(self, l4)] * 4
        else:
            kinds += [self.protocol]
        if family == "inet" and not l3 and l4 not in ("icmp", "icmpv6"):
            kinds += [self.meta_nfproto]
        if l3:
            kinds += [getattr(self, l3)] * 4 + [self.ct_address]
            self.version = 4 if l3 == "ip" else 6
        verdict = self.verdict(targets)
        if not verdict and self.rejecting and hook in ("input", "forward") and r.random() < 0.3:
            verdict = [self.reject(family, l3, l4)]
        chosen = []
        for _ in range(r.randrange(1, 3) if not verdict else r.randrange(2, 4)):
            kind = r.choice(kinds)
            # One of a kind: nft merges or refuses some repetitions.
            kinds = [k for k in kinds if k != kind]
            chosen.append(kind(hook))
        self.names += 1
        words = chosen
        if r.random() < 0.5:
            words.append("counter")
        words.append('log prefix "r%d" group 7' % self.names)
        if r.random() < 0.15:
            words.append(self.set_mark())
        if r.random() < 0.05:
            words.append("ct label set %d" % r.choice(LABELS))
        return " ".join(words + verdict)

    def verdict(self, targets):
        x = self.random.random()
        if x < 0.60:
            return []
        if x < 0.72:
            return ["accept"]
        if x < 0.78:
            return ["drop"]
        if x < 0.82:
            return ["return"]
        if x < 0.84 or not targets:
            return ["continue"]
        return [self.random.choice(["jump", "jump", "goto"]), self.random.choice(targets)]

    def reject(self, family, l3, l4):
        r = self.random
        codes = ["port-unreachable", "admin-prohibited", "host-unreachable", "no-route"]
        forms = ["reject"]
        if family == "inet":
            forms += ["reject with icmpx " + c for c in codes]
        if l3 == "ip":
            forms += ["reject with icmp " + c for c in codes[:3] + ["net-prohibited"]]
        if l3 == "ip6":
            forms += ["reject with icmpv6 " + c for c in ["no-route", "addr-unreachable"]]
        if l4 == "tcp":
            forms += ["reject with tcp reset"] * 3
        return r.choice(forms)

    def set_mark(self):
        r = self.random
        mark, other = r.choice([("meta mark", "ct mark"), ("ct mark", "meta mark")])
        number = "0x%x" % r.choice([1, 2, 0xFF, 0x100, 0xDEADBEEF])
        return mark + " set " + r.choice([
            number, other, "%s | %s" % (mark, number), "%s & %s" % (other, number),
            "%s ^ %s" % (other, number), "%s & 0xffffff00 | 0x7" % mark])

    # ---- fields of flows

    def ct_numbers(self, hook):
        r = self.random
        key = r.choice(["bytes", "packets", "avgpkt", "expiration", "l3proto"])
        if key == "expiration":
            # Far from what a slow machine could make of a timer.
            return "ct expiration " + self.of([1, 5, 75, 20000, 500000], lambda n: "%ds" % n)
        if key == "l3proto":
            # One alone nft leaves out of its listing before a field of that family; of many it
            # takes one for the rule's.
            return "ct l3proto != " + r.choice(["ipv4", "ipv6"])
        values = [0, 1, 2, 3, 5] if key == "packets" else [0, 1, 28, 40, 60, 68, 100, 1040, 2000]
        return "ct %s%s %s" % (r.choice(["", "original ", "reply "]), key, self.of(values))

    def ct_label(self, hook):
        r = self.random
        some = ",".join(str(n) for n in sorted(r.sample(LABELS, r.randrange(1, 3))))
        return "ct label " + r.choice([some, "! %d" % r.choice(LABELS)])

    def ct_address(self, hook):
        r = self.random
        return self.addresses("ct %s %s %s" % (r.choice(["original", "reply"]),
                                               "ip" if self.version == 4 else "ip6",
                                               r.choice(["saddr", "daddr"])), self.version)

    # ---- values

    def of(self, values, text=str, interval=True):
        """Operator and right side: one of the values, or around them."""
        r = self.random
        values = sorted(set(values))
        one = r.choice(values)
        x = r.randrange(8 if interval else 4)
        if x == 0:
            return text(one)
        if x == 1:
            return "!= " + text(one)
        if x <= 3:
            some = [text(v) for v in r.sample(values, min(len(values), r.randrange(2, 8)))]
            if interval and r.random() < 0.5:
                some = self.intervals(values, text)
            return r.choice(["", "!= "]) + "{ %s }" % ", ".join(some)
        if x <= 5:
            low, high = sorted(r.sample(values, 2))
            return r.choice(["", "!= "]) + "%s-%s" % (text(low), text(high))
        return self.order() + text(one)

    def order(self):
        """One such operator a rule: nft lists two of them as if they were the ends of a range,
        whatever they compare."""
        if not self.may_order:
            return "!= "
        self.may_order = False
        return self.random.choice(["< ", "> ", "<= ", ">= "])

    def intervals(self, values, text):
        """Items of a set that do not touch each other."""
        r = self.random
        items, i = [], 0
        while i < len(values):
            if i + 1 < len(values) and r.random() < 0.3:
                items.append("%s-%s" % (text(values[i]), text(values[i + 1])))
                i += 2
            elif r.random() < 0.6:
                items.append(text(values[i]))
                i += 1
            else:
                i += 1
        return items or [text(values[0])]

    def flags(self, names):
        r = self.random
        some = r.sample(names, r.randrange(1, 4))
        return r.choice(["%s", "%s", "%s", "!= %s", "== %s"]) % ",".join(some)

    # ---- matches

    def ct_state(self, hook):
        if self.random.random() < 0.3:
            return "ct state { %s }" % ", ".join(self.random.sample(STATES, 2))
        return "ct state " + self.flags(STATES)

    def ct_direction(self, hook):
        return "ct direction " + self.random.choice(["original", "reply", "!= original"])

    def ct_status(self, hook):
        return "ct status " + self.flags(STATUS)

    def marks(self, hook):
        r = self.random
        key = r.choice(["meta mark", "ct mark"])
        values = [0, 1, 2, 7, 0xFF, 0x100, 0x101, 0xDEADBEEF]
        if r.random() < 0.3:
            return "%s & 0x%x %s0x%x" % (key, r.choice([1, 0xFF, 0xFF00]),
                                         r.choice(["== ", "!= ", self.order()]),
                                         r.choice([1, 7, 0x100]))
        return "%s %s" % (key, self.of(values, lambda v: "0x%08x" % v))

    def meta_length(self, hook):
        return "meta length " + self.of(LENGTHS)

    def protocol(self, hook):
        r = self.random
        key = {"ip": "ip protocol", "ip6": "ip6 nexthdr"}.get(self.family)
        if key and r.random() < 0.5:
            # Sets only: nft makes one comparison of two != of fields side by side, which then
            # holds when either differs.
            some = ", ".join(r.sample(list(PROTOS), 3))
            return "%s %s{ %s }" % (key, r.choice(["", "!= "]), some)
        return "meta l4proto " + self.of(PROTOS, interval=False)

    def meta_nfproto(self, hook):
        return self.random.choice(["meta nfproto ipv4", "meta nfproto ipv6",
                                   "meta nfproto != ipv4", "meta protocol ip",
                                   "meta protocol != ip6"])

    def names_of_interfaces(self, hook):
        return "%s %s" % (self.random.choice(["iifname", "oifname"]), self.random.choice([
            '"wg0"', '"eth0"', '!= "wg0"', '"wg*"', '!= "e*"', '{ "wg0", "lo" }',
            '{ "eth0", "tun*" }', '!= { "eth0", "lo" }']))

    def addresses(self, key, version):
        r = self.random
        ends = [a for side in HOST for a in [HOST[side][version]] + PEERS[side][version]]
        x = r.randrange(6)
        if x == 0:
            return "%s %s%s" % (key, r.choice(["", "!= "]), r.choice(ends))
        if x == 1:
            nets = ["10.8.0.0/24", "10.8.0.2/31", "0.0.0.0/1", "198.51.100.0/25"] \
                if version == 4 else ["fd08::/64", "fd00::/9", "2001:db8::/32", "fd08::2/127"]
            return "%s %s%s" % (key, r.choice(["", "!= "]), r.choice(nets))
        if x == 2:
            low, high = ("10.8.0.3", "192.0.2.8") if version == 4 else ("2001:db8::9", "fd08::2")
            return "%s %s%s-%s" % (key, r.choice(["", "!= "]), low, high)
        if x == 3:
            return "%s %s%s" % (key, self.order(), r.choice(ends))
        some = r.sample(ends, r.randrange(2, len(ends)))
        if x == 4:
            some += ["172.16.0.0/12"] if version == 4 else ["fd77::/16"]
        return "%s %s{ %s }" % (key, r.choice(["", "!= "]), ", ".join(some))

    def ip(self, hook):
        r = self.random
        key = r.choice(["saddr", "saddr", "daddr", "daddr", "length", "ttl"])
        if key == "length":
            return "ip length " + self.of(LENGTHS)
        # Forwarding has counted the hop down by then, where the engine has not.
        if key == "ttl" and hook in ("prerouting", "input", "output"):
            return "ip ttl " + self.of([1, 2, 63, 64, 128, 255])
        return self.addresses("ip " + ("daddr" if key == "ttl" else key), 4)

    def ip6(self, hook):
        r = self.random
        key = r.choice(["saddr", "saddr", "daddr", "daddr", "length", "hoplimit"])
        if key == "length":
            return "ip6 length " + self.of([n - 20 for n in LENGTHS])
        if key == "hoplimit" and hook in ("prerouting", "input", "output"):
            return "ip6 hoplimit " + self.of([1, 2, 63, 64, 128, 255])
        return self.addresses("ip6 " + ("daddr" if key == "hoplimit" else key), 6)

    def tcp(self, hook):
        r = self.random
        x = r.randrange(5)
        if x < 3:
            return "tcp %s %s" % (r.choice(["sport", "dport"]), self.of(PORTS))
        if x == 3:
            return "tcp flags " + self.flags(FLAGS)
        return r.choice(["tcp flags syn / fin,syn,rst,ack", "tcp flags & (fin|syn) == 0x0",
                         "tcp flags & (syn|ack) != syn", "tcp flags & rst != 0x0",
                         "tcp flags { syn, ack }"])

    def udp(self, hook):
        return "udp %s %s" % (self.random.choice(["sport", "dport"]), self.of(PORTS))

    def th(self, hook):
        return "th %s %s" % (self.random.choice(["sport", "dport"]), self.of(PORTS))

    def types(self, key):
        names = ICMP_TYPES[key]
        if self.random.random() < 0.3:
            return "%s code %s" % (key, self.random.choice(["0", "1", "!= 0", "{ 1, 3 }"]))
        return "%s type %s" % (key, self.of(names, interval=False))

    def icmp(self, hook):
        return self.types("icmp")

    def icmpv6(self, hook):
        return self.types("icmpv6")
