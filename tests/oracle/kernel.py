"""kernel.py - raw packets through the kernel's nftables and conntrack, one at a time.

A Kernel is a fresh network namespace with two TUNs, `wg0` (the VPN side) and `eth0`.  A packet
is written to one of them, or sent by the host itself, and the kernel runs all its hooks inside
that write(): what came out can be read back at once, without waiting.  What rules said and what
state conntrack gave is told by log statements of NFLOG group 7, read by netlink; so are the
entries.

The namespace belongs to this process alone and is gone with it.
"""
import ctypes
import fcntl
import os
import re
import socket
import struct
import subprocess
import time

from netlink import Conntrack, Log

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SIDES = ("wg0", "eth0")

# Observation: the state behind conntrack, that a packet reached the host, that it went out.  The
# sink keeps the host itself from answering; it is loaded first and alone, so that of the hooks at
# its priority conntrack's confirmation comes before it.
SINK = """
table inet sink {
    chain input { type filter hook input priority 2147483647; policy drop; }
    chain sent { type filter hook postrouting priority 2147483647; log group 7 prefix "sent"; }
}
"""
OBSERVE = """
table inet observe {
    chain state {
        ct state invalid log group 7 prefix "state invalid" return
        ct state untracked log group 7 prefix "state untracked" return
        ct state new log group 7 prefix "state new original" return
        ct state established ct direction original log group 7 prefix "state established original"
        ct state established ct direction reply log group 7 prefix "state established reply"
        ct state related ct direction original log group 7 prefix "state related original"
        ct state related ct direction reply log group 7 prefix "state related reply"
    }
    chain before { type filter hook prerouting priority -199; jump state; }
    chain own { type filter hook output priority -199; jump state; }
    chain delivered {
        type filter hook input priority 2147483645; log group 7 prefix "delivered"
    }
}
"""

# What the engine's option `helpers` says, in the kernel's words: behind conntrack, before all
# other chains.
HELPERS = {"ftp": [("tcp", 21)], "tftp": [("udp", 69)], "sip": [("udp", 5060), ("tcp", 5060)],
           "irc": [("tcp", 6667)], "pptp": [("tcp", 1723)],
           "amanda": [("udp", 10080)]}

SYSCTL = {
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/default/rp_filter": 0,
    "net/ipv4/conf/all/send_redirects": 0,
    "net/ipv4/conf/default/send_redirects": 0,
    "net/ipv4/icmp_ratelimit": 0,
    "net/ipv6/icmp/ratelimit": 0,
    "net/ipv6/auto_flowlabels": 0,
    "net/ipv6/conf/default/accept_dad": 0,
    "net/ipv6/conf/default/addr_gen_mode": 1,
    "net/ipv6/conf/default/accept_ra": 0,
    "net/ipv6/conf/default/router_solicitations": 0,
}
FORWARDING = {"net/ipv4/ip_forward": 1, "net/ipv6/conf/all/forwarding": 1}
# How many ICMP errors the host sends in all.  Kernels before 6.13 have this for the host as a
# whole, out of our reach: answers may be missing then.
ICMP_LIMIT = {"net/ipv4/icmp_msgs_per_sec": 1000000, "net/ipv4/icmp_msgs_burst": 1000000}
# Only there once the module is.
CONNTRACK = {"tcp_loose": 0, "tcp_be_liberal": 0, "acct": 1}


class Refused(SystemExit):
    """nft does not take a ruleset."""


def run(*command, **kw):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, **kw).stdout.decode()


def sysctl(values):
    """Whether all of them are there: an older kernel may lack some."""
    complete = True
    for name, value in values.items():
        try:
            with open("/proc/sys/" + name, "w") as f:
                f.write(str(value))
        except FileNotFoundError:
            complete = False
    return complete


def nft(text):
    p = subprocess.run(["nft", "-f", "-"], input=text.encode(), stderr=subprocess.PIPE)
    if p.returncode:
        raise Refused("nft refuses the ruleset:\n" + p.stderr.decode() + text)


def head(packet):
    """The IP header and what comes before TCP's checksum."""
    return packet[:36 if packet[0] >> 4 == 4 else 56]


def identity(packet):
    """A packet without what forwarding changes."""
    if packet[0] >> 4 == 4:
        return packet[:8] + packet[9:10] + packet[12:]
    return packet[:7] + packet[8:]


class Kernel:
    def __init__(self, ruleset, addresses, sysctls=None):
        """addresses: of the host, for each side; what lies behind wg0 is theirs, and everything
        else behind eth0.  sysctls: of nf_conntrack, without that prefix."""
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "a network namespace cannot be made")
        sysctl(SYSCTL)
        self.answers_all = sysctl(ICMP_LIMIT)
        run("ip", "link", "set", "lo", "up")
        self.tun = {}
        for side in SIDES:
            self.tun[side] = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(self.tun[side], TUNSETIFF,
                        struct.pack("16sH22x", side.encode(), IFF_TUN | IFF_NO_PI))
            # Before it is up and forwards: the host joins no group then, and reports none.
            run("ip", "link", "set", side, "multicast", "off")
            run("ip", "link", "set", side, "up", "mtu", "65000")
            for address in addresses[side]:
                run("ip", "addr", "add", address, "dev", side,
                    *(["nodad"] if ":" in address else []))
        sysctl(FORWARDING)
        self.await_addresses(addresses)
        for family in "-4", "-6":
            run("ip", family, "route", "add", "default", "dev", "eth0")
        nft(SINK)
        nft(ruleset)
        nft(OBSERVE)
        for name, value in {**CONNTRACK, **(sysctls or {})}.items():
            sysctl({"net/netfilter/nf_conntrack_" + name: value})
        self.own = {}
        for version, family in (4, socket.AF_INET), (6, socket.AF_INET6):
            self.own[version] = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.own[6].setsockopt(41, 36, 1)  # IPV6_HDRINCL
        self.log = Log()
        self.conntrack = Conntrack()
        self.start = time.monotonic_ns()
        self.collect()

    def assign_helpers(self, names):
        objects, rules = "", ""
        for name in names:
            for l4, port in HELPERS[name]:
                objects += 'ct helper %s-%s { type "%s" protocol %s; }\n' % (name, l4, name, l4)
                rules += '%s dport %d ct helper set "%s-%s"\n' % (l4, port, name, l4)
        nft("table inet helpers {\n%s" % objects + "".join(
            "chain %s { type filter hook %s priority -198; policy accept;\n%s}\n" % (
                hook, hook, rules) for hook in ("prerouting", "output")) + "}\n")

    @staticmethod
    def await_addresses(addresses):
        """An IPv6 address becomes the host's a moment after it was added."""
        own = ["local %s " % a.split("/")[0] for side in SIDES for a in addresses[side] if ":" in a]
        for _ in range(200):
            table = run("ip", "-6", "route", "show", "table", "local")
            if all(a in table for a in own):
                return
            time.sleep(0.01)
        raise SystemExit("the host's IPv6 addresses do not come up:\n" + table)

    def close(self):
        for fd in self.tun.values():
            os.close(fd)
        for s in self.own.values():
            s.close()
        self.log.close()
        self.conntrack.close()

    def collect(self):
        out = []
        for side in SIDES:
            while True:
                try:
                    out.append((side, os.read(self.tun[side], 65536)))
                except BlockingIOError:
                    break
        return out, self.log.read()

    def packet(self, side, packet):
        """side: whence it comes, None for the host itself."""
        result = {"time": self.now()}
        if not side:
            version = packet[0] >> 4
            at, family = (16, socket.AF_INET) if version == 4 else (24, socket.AF_INET6)
            to = socket.inet_ntop(family, packet[at:at + (4 if version == 4 else 16)])
            self.send(version, packet, to)
        elif not self.write(side, packet):
            return dict(result, state=None, log=[], verdict="drop", out=[], delivered=[],
                        answers=[])
        out, log = self.collect()
        # Answers are the host's own: they came in nowhere.  Their records lack the checksum.
        own = [head(r["packet"]) for r in log if r["prefix"] == "sent" and not r["came_in"]]
        answers = [p for at, p in out if head(p) in own]
        log = [r for r in log if r["came_in"] == bool(side)]
        if not side:
            me = identity(packet)
            answers = [p for p in answers if identity(p) != me]
            log = [r for r in log if identity(r["packet"]) == me]
        result["answers"] = answers
        result["out"] = [p for at, p in out if p not in answers]
        result["delivered"] = [r["packet"] for r in log if r["prefix"] == "delivered"]
        result["verdict"] = "accept" if result["out"] or result["delivered"] else "drop"
        states = [r["prefix"].split()[1:] for r in log if r["prefix"].startswith("state ")]
        result["state"] = states[0] if states else None
        log = [r for r in log if r["prefix"] not in ("delivered", "sent") and
               not r["prefix"].startswith("state ")]
        result["log"] = [r["prefix"] for r in log]
        # The packet as the last of them saw it.
        result["logged"] = log[-1]["packet"].hex() if log else ""
        return result

    def write(self, side, packet):
        """Whether the TUN took it: it looks at the first nibble."""
        try:
            os.write(self.tun[side], packet)
        except OSError:
            return False
        return True

    def send(self, version, packet, to):
        try:
            self.own[version].sendto(packet, (to, 0))
        except PermissionError:
            pass  # a rule said drop

    def now(self):
        """Nanoseconds since the beginning."""
        return time.monotonic_ns() - self.start

    def milliseconds(self, since):
        return (self.now() - since) // 1000000

    def flows(self):
        """As `conntrack -L` lists them, without counters."""
        lines = []
        for family in "ipv4", "ipv6":
            p = subprocess.run(["conntrack", "-L", "-f", family], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, check=True)
            lines += re.sub(r"packets=\d+ bytes=\d+ ", "", p.stdout.decode()).splitlines()
        return lines

    def ruleset(self):
        """What `nft list ruleset` says, without our own tables."""
        text, keep = "", True
        for line in run("nft", "list", "ruleset").splitlines(True):
            if line.startswith("table "):
                keep = line.split()[2] not in ("sink", "observe", "helpers", "quiet")
            if keep:
                text += line
        return text
