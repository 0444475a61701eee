"""kernel.py - raw packets through the kernel's nftables and conntrack, one at a time.

A Kernel is a fresh network namespace with two TUNs, `wg0` (the VPN side) and `eth0`.  A packet
is written to one of them, or sent by the host itself, and the kernel runs all its hooks inside
that write(): what came out can be read back at once, without waiting.  What rules said and what
state conntrack gave is told by log statements of NFLOG group 7, read by netlink.

The namespace belongs to this process alone and is gone with it.
"""
import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SIDES = ("wg0", "eth0")
LOG_GROUP = 7

# Observation: the state behind conntrack, and that a packet reached the host.  The sink keeps the
# host itself from answering; it is loaded first and alone, so that of the hooks at its priority
# conntrack's confirmation comes before it.
SINK = """
table inet sink {
    chain input { type filter hook input priority 2147483647; policy drop; }
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
# Only there once the module is; windows are not judged by the engine yet.
CONNTRACK_SYSCTL = {
    "net/netfilter/nf_conntrack_tcp_loose": 0,
    "net/netfilter/nf_conntrack_tcp_be_liberal": 1,
    "net/netfilter/nf_conntrack_acct": 0,
}


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
        raise SystemExit("nft refuses the ruleset:\n" + p.stderr.decode() + text)


class Log:
    """NFLOG group 7: for each record its prefix and the packet that it speaks of."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)  # NETLINK_NETFILTER
        self.socket.bind((0, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
        # bind the group; copy whole packets; flush after each one
        for config in (self.attr(1, b"\1"), self.attr(2, struct.pack(">IBx", 0xFFFF, 2)),
                       self.attr(5, struct.pack(">I", 1))):
            body = struct.pack(">BBH", 0, 0, LOG_GROUP) + config
            self.socket.send(struct.pack("=IHHII", 16 + len(body), 0x0401, 5, 0, 0) + body)
            answer = self.socket.recv(4096)
            error = -struct.unpack_from("=i", answer, 16)[0]
            if error:
                raise OSError(error, "NFLOG: " + os.strerror(error))

    @staticmethod
    def attr(kind, value):
        return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)

    def read(self):
        records = []
        while True:
            try:
                data = self.socket.recv(1 << 17, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return records
            at = 0
            while at + 16 <= len(data):
                length, kind = struct.unpack_from("=IH", data, at)
                if kind == 0x0400:
                    records.append(self.record(data[at + 20:at + length]))
                at += (length + 3) & ~3

    @staticmethod
    def record(data):
        prefix, packet, at = "", b"", 0
        while at + 4 <= len(data):
            length, kind = struct.unpack_from("=HH", data, at)
            value = data[at + 4:at + length]
            if kind == 10:
                prefix = value.rstrip(b"\0").decode()
            elif kind == 9:
                packet = value
            at += (length + 3) & ~3
        return prefix, packet


def identity(packet):
    """A packet without what forwarding changes."""
    if packet[0] >> 4 == 4:
        return packet[:8] + packet[9:10] + packet[12:]
    return packet[:7] + packet[8:]


def transport(packet):
    """The protocol behind the IP header, and behind an extension header of eight bytes."""
    if packet[0] >> 4 == 4:
        return packet[9]
    return packet[40] if packet[6] in (0, 43, 60) else packet[6]


class Kernel:
    def __init__(self, ruleset, addresses):
        """addresses: of the host, for each side; what lies behind wg0 is theirs, and everything
        else behind eth0."""
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
            run("ip", "link", "set", side, "up", "mtu", "1500")
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
        sysctl(CONNTRACK_SYSCTL)
        self.own = {}
        for version, family in (4, socket.AF_INET), (6, socket.AF_INET6):
            self.own[version] = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.own[6].setsockopt(41, 36, 1)  # IPV6_HDRINCL
        self.log = Log()
        self.start = time.monotonic_ns()
        self.collect()

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
        self.log.socket.close()

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
        result = {"time": time.monotonic_ns() - self.start}
        if side:
            os.write(self.tun[side], packet)
        elif packet[0] >> 4 == 4:
            self.send(4, packet, socket.inet_ntop(socket.AF_INET, packet[16:20]))
        else:
            self.send(6, packet, socket.inet_ntop(socket.AF_INET6, packet[24:40]))
        out, log = self.collect()
        me = identity(packet)
        prefixes = [prefix for prefix, logged in log if identity(logged) == me]
        result["log"] = [p for p in prefixes if not p.startswith("state ") and p != "delivered"]
        states = [p.split()[1:] for p in prefixes if p.startswith("state ")]
        result["state"] = states[0] if states else None
        others = [(at, p) for at, p in out if identity(p) != me]
        passed = len(others) < len(out) or "delivered" in prefixes
        result["verdict"] = "accept" if passed else "drop"
        result["answers"] = [p for at, p in others if at == side]
        result["answers_all"] = self.answers_all
        # The kernel wants a right checksum of whatever it rejects, and sees one in other
        # protocols by chance only (nf_reject_verify_csum).
        result["opaque"] = transport(packet) not in (1, 6, 17, 58)
        if others and not result["answers"]:
            raise SystemExit("the kernel emitted a packet of unknown origin: %r" % others)
        return result

    def send(self, version, packet, to):
        try:
            self.own[version].sendto(packet, (to, 0))
        except PermissionError:
            pass  # a rule said drop

    def flows(self):
        lines = []
        for family in "ipv4", "ipv6":
            p = subprocess.run(["conntrack", "-L", "-f", family], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, check=True)
            lines += p.stdout.decode().splitlines()
        return lines

    def ruleset(self):
        """What `nft list ruleset` says, without our own tables."""
        text, keep = "", True
        for line in run("nft", "list", "ruleset").splitlines(True):
            if line.startswith("table "):
                keep = line.split()[2] not in ("sink", "observe")
            if keep:
                text += line
        return text
