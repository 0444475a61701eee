"""stream_irc.py - what clients and servers of IRC say, and those who take up their offers."""
import ipaddress

from packets import ACK, PSH, SYN, tcp
from stream_helpers import NATS, Talk


class Irc(Talk):
    def conversation(self):
        r = self.r
        e = self.ends(6667)
        yield from e.handshake()
        for _ in range(r.randrange(4, 16)):
            back = self.one_in(6)
            port = self.offered_port()
            data = self.mangled(self.line(e, back, port))
            if self.one_in(12):
                yield e.tcp(back, PSH | ACK, data, again=True)
            yield e.tcp(back, PSH | ACK, data)
            if self.one_in(3):
                yield self.taker(e, port & 0xFFFF)

    def offered_port(self):
        return self.r.choice([20, 1024, 2571, 40000, 65535, 0, self.r.randrange(70000)])

    def taker(self, e, port):
        """Anybody, or the client itself."""
        r = self.r
        if self.one_in(6):
            return "wg0", tcp(e.own(0), port, e.seen(1), r.choice([4000, 6667]), SYN, r.getrandbits(32))
        stranger = r.choice(["192.0.2.9", "198.51.100.7", "192.0.2.200"])
        if e.version == 6:
            stranger = "2001:db8::77"
        return "eth0", tcp(stranger, r.choice([1024, 3000, 4000]), e.seen(0), port, SYN,
                           r.getrandbits(32))

    def place(self, e, back, port):
        a = "10.8.0.2" if e.version == 6 else self.address(e, back)
        number = int(ipaddress.ip_address(a)) + (1 << 32) * self.one_in(12)
        blanks = " " * (self.r.randrange(4) if self.one_in(4) else 1)
        return "%d%s%d" % (number, blanks, port)

    def line(self, e, back, port):
        r = self.r
        if self.one_in(8):
            return r.choice(["NICK alice\r\n", "PRIVMSG bob :hello\r\n", "PING :x\r\n", "PRIVMSG",
                             "PRIVMSG bob :a long message, longer than an offer :is\r\n", ""])
        first = r.choice(["", "", "", "\r\n", "  \r\n ", ":a!b@c "])
        command = r.choice(["PRIVMSG", "PRIVMSG", "PRIVMSG", "privmsg", "NOTICE"])
        text = r.choice(["", "", "", "", ":", "x", "x :"])
        dcc = r.choice(["\1DCC ", "\1DCC ", "\1DCC ", "\1DCC ", "\1dcc ", "DCC "])
        offer = r.choice(["SEND", "CHAT", "MOVE", "TSEND", "SCHAT", "SEND CHAT", "MOVE SCHAT",
                          "SEND SEND", "RESUME", "send"])
        word = r.choice(["file ", "chat ", "a-longer-name.tar.gz ", "x ", "", " ", "SEND ", "1 "])
        end = r.choice([" 1048576\1\r\n", "\1\r\n", "\1\n", "\n", "\1", " :\1DCC SEND f 1 1\1\n",
                        " :\1DCC CHAT c %s\1\n" % self.place(e, back, self.offered_port())])
        return "%s%s bob :%s%s%s %s%s%s" % (first, command, text, dcc, offer, word,
                                          self.place(e, back, port), end)


class IrcNat(Irc):
    rulesets = NATS

    def offered_port(self):
        """Where the port is taken another is chosen at random: hardly ever twice the same."""
        return self.r.randrange(1024, 65536)
