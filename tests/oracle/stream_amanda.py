"""stream_amanda.py - backups: requests, answers that say where to connect to, and who does."""
from packets import SYN, tcp
from stream_helpers import NATS, Talk


class Amanda(Talk):
    def conversation(self):
        r = self.r
        e = self.ends(10080)
        yield e.udp(False, self.mangled("Amanda 2.6 REQ HANDLE 0-0 SEQ 1\nSERVICE sendbackup\n"))
        for _ in range(r.randrange(1, 8)):
            ports = [self.told_port() for _ in range(4)]
            back = not self.one_in(8)
            yield e.udp(back, self.mangled(self.text(ports)))
            if self.one_in(2):
                yield self.stream_to(e, r.choice(ports) & 0xFFFF)

    def told_port(self):
        return self.r.choice([0, 20, 1024, 2571, 40000, 65535, self.r.randrange(200000)])

    def text(self, ports):
        r = self.r
        words = ["DATA", "MESG", "INDEX", "STATE"][:r.randrange(1, 5)]
        if self.one_in(4):
            r.shuffle(words)
        if self.one_in(6):
            words.append(r.choice(["DATA", "data", "XMESG", "INDEX"]))
        said = " ".join("%s %s" % (w, p if not self.one_in(10) else "x")
                        for w, p in zip(words, ports + ports))
        return "%s%s%s%s" % (r.choice(["Amanda 2.6 REP HANDLE 0-0 SEQ 1\n", "", "x"]),
                             r.choice(["CONNECT ", "CONNECT ", "CONNECT ", "CONNECT \n", "connect "]),
                             said, r.choice(["\n", "\n", "\n\nOPTIONS ;\n", "", " \nDATA 7\n"]))

    def stream_to(self, e, port):
        """What may be one of them."""
        r = self.r
        back = self.one_in(6)
        return ("eth0" if back else "wg0",
                tcp(e.own(back), r.choice([800, 1024, 3000]), e.seen(not back), port, SYN,
                    r.getrandbits(32)))


class AmandaNat(Amanda):
    rulesets = NATS

    def __init__(self, r):
        super().__init__(r)
        self.unused = r.sample(range(10000, 65536), 50000)

    def told_port(self):
        """Where the port is taken another is chosen at random: so never twice the same."""
        return self.unused.pop()
