"""stream_helpers.py - conversations that helpers read: FTP, TFTP and SIP, whole, mangled and cut,
and the connections that they agree on."""
import struct

from packets import ACK, PSH, SYN, tcp, udp

RULES = """table inet filter {
	chain forward {
		type filter hook forward priority 0; policy drop;
		ct state established,related accept
		tcp dport { 21, 1723, 5060, 6667 } accept
		udp dport { 69, 5060, 10080 } accept
		ct state new ip daddr 10.8.0.0/16 accept
	}
}
"""

INWARD = "\t\tct state new ip daddr 10.8.0.0/16 accept\n"
# One network in place of another, host by host, and none of those hosts begins: so no port is left
# to chance.
CLIENTS_NAT = RULES + """table inet nat {
	chain post {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 10.8.0.0/24 snat ip prefix to 203.0.113.0/24
		ip6 saddr fd08::/64 snat ip6 prefix to 2001:db8:77::/64
	}
}
"""
SERVERS_NAT = RULES.replace(INWARD, "") + """table inet nat {
	chain pre {
		type nat hook prerouting priority dstnat; policy accept;
		ip daddr 203.0.113.0/24 dnat ip prefix to 192.0.2.0/24
		ip daddr 203.0.112.0/24 dnat ip prefix to 198.51.100.0/24
		ip6 daddr 2001:db8:77::/64 dnat ip6 prefix to 2001:db8::/64
		ip6 daddr 2001:db8:78::/64 dnat ip6 prefix to 2001:db8:5::/64
	}
}
"""
MAPPED = {
    CLIENTS_NAT: {"10.8.0.2": "203.0.113.2", "10.8.0.3": "203.0.113.3",
                  "fd08::2": "2001:db8:77::2", "fd08::3": "2001:db8:77::3"},
    SERVERS_NAT: {"192.0.2.9": "203.0.113.9", "198.51.100.7": "203.0.112.7",
                  "2001:db8::9": "2001:db8:77::9", "2001:db8:5::7": "2001:db8:78::7"},
}


class Ends:
    """A client behind wg0, a server behind eth0, and a TCP connection if there is one.  mapped:
    those that the other side of NAT knows by another address."""

    def __init__(self, r, port, mapped=None):
        self.mapped = mapped or {}
        self.version = r.choice([4, 4, 6])
        self.client = r.choice({4: ["10.8.0.2", "10.8.0.3"],
                                6: ["fd08::2", "fd08::3"]}[self.version])
        self.server = r.choice({4: ["192.0.2.9", "198.51.100.7"],
                                6: ["2001:db8::9", "2001:db8:5::7"]}[self.version])
        self.port, self.service = r.randrange(1024, 1100), port
        self.seq = [r.getrandbits(32), r.getrandbits(32)]
        self.media = r.randrange(200, 8000) * 8 if mapped else 0

    def own(self, back):
        return self.server if back else self.client

    def seen(self, back):
        """By the other end."""
        return self.mapped.get(self.own(back), self.own(back))

    def udp(self, back, data):
        if back:
            return "eth0", udp(self.server, self.service, self.seen(0), self.port, data)
        return "wg0", udp(self.client, self.port, self.seen(1), self.service, data)

    def tcp(self, back, flags, data=b"", again=False):
        seq, ack = self.seq[back], self.seq[not back]
        packet = tcp(self.own(back), self.service if back else self.port, self.seen(not back),
                     self.port if back else self.service, flags, seq,
                     ack if flags & ACK else 0, data)
        if not again:
            self.seq[back] = (seq + len(data) + (flags & SYN == SYN)) & 0xFFFFFFFF
        return "eth0" if back else "wg0", packet

    def handshake(self):
        yield self.tcp(False, SYN)
        yield self.tcp(True, SYN | ACK)
        yield self.tcp(False, ACK)


class Talk:
    config = {"helpers": "ftp,tftp,sip,irc,pptp,amanda"}
    rulesets = [RULES]
    chance = False
    batch = 150  # all that is expected is looked at after each packet
    mapped = None

    def __init__(self, r):
        self.r = r
        # One for the whole, since addresses in the packets follow from it.
        self.rulesets = [r.choice(self.rulesets)]
        self.mapped = MAPPED.get(self.rulesets[0])

    def ends(self, port):
        return Ends(self.r, port, self.mapped)

    def one_in(self, n):
        return self.r.randrange(n) == 0

    def mangled(self, text):
        """As it is, mostly; else cut short, or with a byte changed, gone or doubled."""
        data = text.encode("latin1")
        if not data or not self.one_in(6):
            return data
        at = self.r.randrange(len(data))
        how = self.r.randrange(5)
        if how == 0:
            return data[:at]
        if how == 1:
            return data[:at] + data[at + 1:]
        if how == 2:
            return data[:at] + data[at:at + 1] + data[at:]
        return data[:at] + bytes([self.r.choice(b"0159,.|()\r\n :;<>@[]aZ\xff\0")]) + data[at + 1:]

    def address(self, ends, back):
        """The sender's own, mostly."""
        return ends.own(back) if not self.one_in(8) else ends.seen(not back)

    def stream(self, count):
        items = []
        while len(items) < count:
            items += list(self.conversation())
        return items[:count]


class Ftp(Talk):
    def conversation(self):
        r = self.r
        e = self.ends(21)
        yield from e.handshake()
        for _ in range(r.randrange(4, 20)):
            back = r.randrange(2)
            port = self.data_port()
            text = r.choice(self.server if back else self.client)(self, e, port)
            data = self.mangled(text)
            if self.one_in(12):
                yield e.tcp(back, PSH | ACK, data, again=True)
            yield e.tcp(back, PSH | ACK, data)
            if self.one_in(3):
                yield self.data(e, port & 0xFFFF)

    def data_port(self):
        return self.r.choice([20, 1024, 2571, 40000, 65535, 0, self.r.randrange(70000)])

    def data(self, e, port):
        """What may be the data connection."""
        r = self.r
        back = r.randrange(2)
        source = r.choice([20, 1024, 3000])
        return ("eth0" if back else "wg0",
                tcp(e.own(back), source, e.seen(not back), port, SYN, r.getrandbits(32)))

    def numbers(self, e, back, port):
        a = self.address(e, back)
        if e.version == 6:
            a = "10.8.0.2"
        return "%s,%d,%d" % (a.replace(".", ","), port >> 8, port & 255)

    client = [
        lambda t, e, p: "USER anonymous\r\n", lambda t, e, p: "RETR file\r\n",
        lambda t, e, p: "PASV\r\n", lambda t, e, p: "EPSV\r\n", lambda t, e, p: "NOOP",
        lambda t, e, p: "PORT %s\r\n" % t.numbers(e, 0, p),
        lambda t, e, p: "port  %s\r\n" % t.numbers(e, 0, p),
        lambda t, e, p: "EPRT |%d|%s|%d|\r\n" % (1 if e.version == 4 else 2, t.address(e, 0), p),
        lambda t, e, p: "EPRT !%d!%s!%d!\r\n" % (t.r.choice([1, 2]), t.address(e, 0), p),
        lambda t, e, p: "NOOP\r\nPORT %s\r\n" % t.numbers(e, 0, p), lambda t, e, p: "PO",
    ]
    server = [
        lambda t, e, p: "220 welcome\r\n", lambda t, e, p: "200 ok\r\n",
        lambda t, e, p: "227 Entering Passive Mode (%s).\r\n" % t.numbers(e, 1, p),
        lambda t, e, p: "227 =%s\r\n" % t.numbers(e, 1, p),
        lambda t, e, p: "229 Extended Passive Mode (|||%d|)\r\n" % p,
        lambda t, e, p: "229 (!!!%d!)\r\n" % p, lambda t, e, p: "22", lambda t, e, p: "150-\n",
    ]


class Tftp(Talk):
    def conversation(self):
        r = self.r
        e = self.ends(69)
        for _ in range(r.randrange(1, 5)):
            opcode = r.choice([1, 1, 2, 2, 3, 0, 256])
            data = struct.pack(">H", opcode) + b"file\0octet\0"
            yield e.udp(False, data[:r.choice([0, 1, 2, len(data), len(data)])])
            if self.one_in(3):
                continue
            answerer = r.choice([e.server, e.server, e.server, "192.0.2.77"])
            if e.version == 6 and answerer == "192.0.2.77":
                answerer = "2001:db8::77"
            yield "eth0", udp(answerer, r.choice([69, 4000, 4001]), e.seen(0), e.port,
                              b"\0\3\0\1x")


class Sip(Talk):
    def conversation(self):
        r = self.r
        e = self.ends(5060)
        stream = self.one_in(3)
        if stream:
            yield from e.handshake()
        cseq = 1
        for _ in range(r.randrange(3, 12)):
            back = r.randrange(2)
            cseq += self.one_in(3)
            data = self.mangled(self.message(e, back, cseq, stream))
            if stream and self.one_in(4):
                data += self.message(e, back, cseq, stream).encode()
            yield e.tcp(back, PSH | ACK, data) if stream else e.udp(back, data)
            if self.one_in(3):
                yield self.media(e)

    def media(self, e):
        r = self.r
        back = r.randrange(2)
        port = r.choice([4000, 4001, 4002, 4003, 5060, 6060])
        return ("eth0" if back else "wg0",
                udp(e.own(back), r.choice([4000, 9000]), e.seen(not back), port, b"rtp"))

    def message(self, e, back, cseq, stream):
        r = self.r
        kind = r.randrange(8)
        method = r.choice(["INVITE", "UPDATE", "ACK", "PRACK", "BYE", "OPTIONS"])
        if kind <= 2:
            return self.register(e, back, cseq, stream)
        if kind <= 5:
            return self.sized("%s sip:b@example.org SIP/2.0" % method, cseq, method,
                              self.sdp(e, back), stream)
        code = r.choice([100, 180, 183, 200, 200, 302, 486, 0])
        method = r.choice(["INVITE", "INVITE", "UPDATE", "PRACK", "REGISTER"])
        if method == "REGISTER":
            return self.register(e, back, cseq, stream, "SIP/2.0 %d x" % code)
        return self.sized("SIP/2.0 %d x" % code, cseq, method, self.sdp(e, back), stream)

    def sized(self, first, cseq, method, body, stream):
        head = "%s\r\nVia: SIP/2.0/UDP x\r\nCSeq: %d %s\r\n" % (first, cseq, method)
        if stream or self.one_in(2):
            head += "%s: %d\r\n" % (self.r.choice(["Content-Length", "l"]), len(body))
        return head + "\r\n" + body

    def sdp(self, e, back):
        r = self.r
        if self.one_in(4):
            return ""
        c = "c=IN IP%d %s\r\n" % (e.version, self.address(e, back))
        text = "v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\n" + (c if not self.one_in(6) else "")
        for _ in range(r.randrange(4)):
            kind = r.choice(["audio", "audio", "video", "image", "text"])
            text += "m=%s %d RTP/AVP 0\r\n" % (kind, self.media_port(e, kind))
            if self.one_in(4):
                text += c
        return text

    def contact_port(self, e):
        return self.r.choice(["", ":6060", ":6060", ":80"])

    def media_port(self, e, kind):
        return self.r.choice([4000, 4001, 4002, 4003, 0, 80, 70000])

    def register(self, e, back, cseq, stream, first="REGISTER sip:r SIP/2.0"):
        r = self.r
        host = self.address(e, back)
        if not first.startswith("REGISTER"):
            host = e.seen(not back) if not self.one_in(8) else e.own(back)
        host = "[%s]" % host if ":" in host else host
        contact = "<sip:%s%s%s%s>%s" % (
            r.choice(["", "alice@"]), host, self.contact_port(e),
            r.choice(["", "", ";transport=tcp", ";transport=udp"]),
            r.choice(["", ";expires=100", ";expires=0", ";expires=x"]))
        if self.one_in(4):
            contact = "<sip:bob@example.org>, " + contact
        if self.one_in(6):
            contact = "\r\n " + contact
        lines = [first, "CSeq: %d REGISTER" % cseq,
                 "%s: %s" % (r.choice(["Contact", "m", "CONTACT"]), contact)]
        if not self.one_in(3):
            lines.append("Expires: %d" % r.choice([60, 3600, 0]))
        if stream:
            lines.append("Content-Length: 0")
        r.shuffle(lines[1:])
        return "\r\n".join(lines) + "\r\n\r\n"


NATS = [CLIENTS_NAT, SERVERS_NAT]


class FtpNat(Ftp):
    rulesets = NATS

    def data_port(self):
        """Where the port is taken another is chosen at random: hardly ever twice the same."""
        return self.r.randrange(1024, 65536)


class TftpNat(Tftp):
    rulesets = NATS


class SipNat(Sip):
    """All the places where a message names its ends.  No two that are known by one address expect
    the same: a port would be chosen at random, or the kernel would drop the second message."""

    rulesets = NATS

    def media_port(self, e, kind):
        r = self.r
        port = e.media + {"audio": 0, "video": 2, "image": 4, "text": 6}[kind]
        return r.choice([port, port, port + 1, 0, 80, 70000])

    def contact_port(self, e):
        return self.r.choice([":%d" % (e.media + 6), ":%d" % (e.media + 6), ":80"])

    def media(self, e):
        r = self.r
        back = r.randrange(2)
        port = self.media_port(e, r.choice(["audio", "video", "image"]))
        return ("eth0" if back else "wg0",
                udp(e.own(back), r.choice([4000, 9000, port & 0xFFFF]), e.seen(not back), port & 0xFFFF,
                    b"rtp"))

    def place(self, e, of, speaker, port=None):
        """An end as the speaker knows it, mostly, with its port or another or none."""
        r = self.r
        host = e.own(of) if of == speaker else e.seen(of)
        if self.one_in(10):
            host = e.seen(of) if of == speaker else e.own(of)
        own = e.service if of else e.port
        return ("[%s]" % host if ":" in host else host) + (port or r.choice(
            [":%d" % own, ":%d" % own, "", ":5060", ":80"]))

    def via(self, e, back, request, stream):
        r = self.r
        sender = back if request else not back
        line = "Via: SIP/2.0/%s %s" % ("TCP" if stream else "UDP", self.place(e, sender, back))
        for _ in range(r.randrange(3)):
            bare = e.seen(sender) if sender != back else e.own(sender)
            line += r.choice([";branch=z9", ";rport", ";rport=%d" % r.choice([e.port, e.service]),
                              ";maddr=%s" % self.place(e, sender, back).split(":")[0],
                              ";received=%s" % bare, ";received=[%s]" % bare])
        return line

    def dressed(self, e, back, message, stream):
        """The message with more lines in its head, and addresses in its first."""
        r = self.r
        first, _, rest = message.partition("\r\n")
        request = not first.startswith("SIP/2.0")
        words = first.split(" ")
        if request and len(words) == 3 and not self.one_in(3):
            words[1] = "sip:%s%s" % (r.choice(["", "b@"]), self.place(e, not back, back))
        lines = [self.via(e, back, request, stream)] if not self.one_in(5) else []
        if self.one_in(5):
            lines.append(self.via(e, back, request, stream))
        for name in ("From", "t" if self.one_in(4) else "To"):
            if not self.one_in(4):
                lines.append("%s: \"x\" <sip:u@%s>;tag=1" % (
                    name, self.place(e, r.randrange(2), back)))
        if self.one_in(3):
            lines.append("Contact: <sip:u@%s>, <sip:v@%s>;q=1" % (
                self.place(e, back, back, self.contact_port(e)),
                self.place(e, not back, back)))
        return "\r\n".join([" ".join(words)] + lines) + "\r\n" + rest

    def message(self, e, back, cseq, stream):
        return self.dressed(e, back, super().message(e, back, cseq, stream), stream)

    def sdp(self, e, back):
        text = super().sdp(e, back)
        if self.one_in(5):
            return text
        return text.replace("o=- 1 1 IN IP4 x", "o=- 1 1 IN IP%d %s" % (
            e.version, self.address(e, back)))
