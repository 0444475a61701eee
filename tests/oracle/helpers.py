#!/usr/bin/python3
"""helpers.py - conversations that helpers read, through the kernel and through the engine.

    helpers.py --driver PATH [--protocol ftp|tftp|sip] [--packets N] [--seeds N | --seed N]

As oracle.py's streams, and after each packet what is expected is compared too.  The kernel gives
helpers by rules, the engine by its option for the usual ports: the same flows get the same ones.
Exit status 77: not root, or a tool or one of the kernel's helpers is missing.
"""
import argparse
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import time

import kernel
from describe import rows
from engine import Engine
from packets import ACK, HOST_ADDRESSES, PSH, SYN, tcp, udp
from play import Play, shrink

SKIP = 77
BATCH = 150
REPORTS = 3

RULES = """table inet filter {
	chain forward {
		type filter hook forward priority 0; policy drop;
		ct state established,related accept
		tcp dport { 21, 5060 } accept
		udp dport { 69, 5060 } accept
		ct state new ip daddr 10.8.0.0/16 accept
	}
}
"""
HELPERS = """table inet helpers {
	ct helper ftp { type "ftp" protocol tcp; }
	ct helper tftp { type "tftp" protocol udp; }
	ct helper sip { type "sip" protocol udp; }
	ct helper sipt { type "sip" protocol tcp; }
	chain give {
		type filter hook prerouting priority -100;
		tcp dport 21 ct helper set "ftp"
		udp dport 69 ct helper set "tftp"
		udp dport 5060 ct helper set "sip"
		tcp dport 5060 ct helper set "sipt"
	}
}
"""


class HelperPlay(Play):
    """The kernel has rules more; expectations are part of what is compared."""

    def __init__(self, driver):
        self.expecting = 0
        super().__init__(RULES, driver, None, {"helpers": "ftp tftp sip"}, HOST_ADDRESSES)
        kernel.nft(HELPERS)
        self.entry, self.kernel.conntrack.entry = self.kernel.conntrack.entry, self.without_master

    def step(self, side, packet):
        found = super().step(side, packet)
        return found + list(self.expectations(self.kernel.now()))

    def without_master(self, *which):
        """Whose child a flow is shows in what was expected before."""
        entry = self.entry(*which)
        if entry:
            entry.pop("master", None)
        return entry

    def tables(self):
        return []

    def expectations(self, now):
        """What each expects; counts the packets behind which there was something."""
        ours = [timed(line) for line in self.engine.ask("%d expectations\n" % now)["lines"]]
        theirs = [timed(line) for line in kernel_expectations()]
        self.expecting += bool(theirs)
        mine, other = sorted(text for _, text in ours), sorted(text for _, text in theirs)
        if mine != other:
            yield "expected", "the engine expects %s\n    the kernel %s" % (mine, other)
            return
        timers = dict((text, left) for left, text in theirs)
        for left, text in ours:
            if not timers[text] - 1 <= left <= timers[text] + 1:
                yield "expectation's timer", "%d s, the kernel's %d s: %s" % (
                    left, timers[text], text)


def timed(line):
    left, text = line.strip().split(" ", 1)
    return int(left), text


def kernel_expectations():
    lines = []
    for family in "ipv4", "ipv6":
        p = subprocess.run(["conntrack", "-L", "expect", "-f", family], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, check=True)
        lines += p.stdout.decode().splitlines()
    return lines


# ---- conversations

class Ends:
    """A client behind wg0, a server behind eth0, and a TCP connection if there is one."""

    def __init__(self, r, port):
        self.version = r.choice([4, 4, 6])
        self.client = r.choice({4: ["10.8.0.2", "10.8.0.3"],
                                6: ["fd08::2", "fd08::3"]}[self.version])
        self.server = r.choice({4: ["192.0.2.9", "198.51.100.7"],
                                6: ["2001:db8::9", "2001:db8:5::7"]}[self.version])
        self.port, self.service = r.randrange(1024, 1100), port
        self.seq = [r.getrandbits(32), r.getrandbits(32)]

    def own(self, back):
        return self.server if back else self.client

    def udp(self, back, data):
        if back:
            return "eth0", udp(self.server, self.service, self.client, self.port, data)
        return "wg0", udp(self.client, self.port, self.server, self.service, data)

    def tcp(self, back, flags, data=b"", again=False):
        seq, ack = self.seq[back], self.seq[not back]
        packet = tcp(self.own(back), self.service if back else self.port, self.own(not back),
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
    def __init__(self, r):
        self.r = r

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
        return ends.own(back if not self.one_in(8) else not back)

    def stream(self, count):
        items = []
        while len(items) < count:
            items += list(self.conversation())
        return items[:count]


class Ftp(Talk):
    def conversation(self):
        r = self.r
        e = Ends(r, 21)
        yield from e.handshake()
        for _ in range(r.randrange(4, 20)):
            back = r.randrange(2)
            port = r.choice([20, 1024, 2571, 40000, 65535, 0, r.randrange(70000)])
            text = r.choice(self.server if back else self.client)(self, e, port)
            data = self.mangled(text)
            if self.one_in(12):
                yield e.tcp(back, PSH | ACK, data, again=True)
            yield e.tcp(back, PSH | ACK, data)
            if self.one_in(3):
                yield self.data(e, port & 0xFFFF)

    def data(self, e, port):
        """What may be the data connection."""
        r = self.r
        back = r.randrange(2)
        source = r.choice([20, 1024, 3000])
        return ("eth0" if back else "wg0",
                tcp(e.own(back), source, e.own(not back), port, SYN, r.getrandbits(32)))

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
        e = Ends(r, 69)
        for _ in range(r.randrange(1, 5)):
            opcode = r.choice([1, 1, 2, 2, 3, 0, 256])
            data = struct.pack(">H", opcode) + b"file\0octet\0"
            yield e.udp(False, data[:r.choice([0, 1, 2, len(data), len(data)])])
            if self.one_in(3):
                continue
            answerer = r.choice([e.server, e.server, e.server, "192.0.2.77"])
            if e.version == 6 and answerer == "192.0.2.77":
                answerer = "2001:db8::77"
            yield "eth0", udp(answerer, r.choice([69, 4000, 4001]), e.client, e.port,
                              b"\0\3\0\1x")


class Sip(Talk):
    def conversation(self):
        r = self.r
        e = Ends(r, 5060)
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
                udp(e.own(back), r.choice([4000, 9000]), e.own(not back), port, b"rtp"))

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
            text += "m=%s %d RTP/AVP 0\r\n" % (
                r.choice(["audio", "audio", "video", "image", "text"]),
                r.choice([4000, 4001, 4002, 4003, 0, 80, 70000]))
            if self.one_in(4):
                text += c
        return text

    def register(self, e, back, cseq, stream, first="REGISTER sip:r SIP/2.0"):
        r = self.r
        whose = back if first.startswith("REGISTER") else not back
        host = self.address(e, whose)
        host = "[%s]" % host if ":" in host else host
        contact = "<sip:%s%s%s%s>%s" % (
            r.choice(["", "alice@"]), host, r.choice(["", ":6060", ":6060", ":80"]),
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


PROTOCOLS = {"ftp": Ftp, "tftp": Tftp, "sip": Sip}


# ---- the comparison

def once(driver, items):
    play = HelperPlay(driver)
    try:
        return play.run(items)
    finally:
        play.close()


def report(driver, items, play, protocol, seed):
    index, kind, text = play.differences[0]
    print("%s, seed %d: packet %d of %d: %s" % (protocol, seed, index + 1, len(items), text))
    shortest = shrink(items[:index + 1], kind, lambda some: once(driver, some))
    last = once(driver, shortest)
    if not last.differences:
        print("  and not again\n", flush=True)
        return
    print("The shortest stream that shows it:\n")
    print(rows(shortest, last))
    for side, packet in shortest:
        print("    %s %r" % (side, packet[-400:]))
    print(flush=True)


def compare(driver, protocol, seed, count):
    talk = PROTOCOLS[protocol](random.Random("%s %d" % (protocol, seed)))
    done = failed = dropped = expecting = 0
    start = time.monotonic()
    while done < count and failed < REPORTS:
        items = talk.stream(min(BATCH, count - done))
        play = once(driver, items)
        done += len(items)
        dropped += sum(t[1]["verdict"] == "drop" for t in play.told)
        expecting += play.expecting
        if play.differences:
            failed += 1
            report(driver, items, play, protocol, seed)
    print("%-6s seed %-4d %6d packets, %5d dropped, %6d while something was expected, "
          "%d differences, %.1f s" % (
              protocol, seed, done, dropped, expecting, failed, time.monotonic() - start), flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--driver", required=True)
    parser.add_argument("--protocol", choices=list(PROTOCOLS))
    parser.add_argument("--packets", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--seed", type=int)
    args = parser.parse_args()
    missing = [tool for tool in ("nft", "ip", "conntrack") if not shutil.which(tool)]
    if os.geteuid() != 0 or missing or not os.path.exists("/dev/net/tun"):
        print("skipped: needs root, /dev/net/tun, nft, ip and conntrack")
        return SKIP
    check = subprocess.run(["unshare", "-n", "nft", "-f", "-"], input=HELPERS.encode(),
                           stderr=subprocess.PIPE)
    if check.returncode:
        print("skipped: the kernel has not all helpers: " + check.stderr.decode())
        return SKIP
    seeds = [args.seed] if args.seed is not None else range(1, args.seeds + 1)
    names = [args.protocol] if args.protocol else list(PROTOCOLS)
    return 1 if sum(compare(args.driver, name, seed, args.packets)
                    for name in names for seed in seeds) else 0


if __name__ == "__main__":
    sys.exit(main())
