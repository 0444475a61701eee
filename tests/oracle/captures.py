"""captures.py - what real programs say to each other, recorded and then compared.

Two network namespaces, a client's (10.8.0.2, fd08::2) and a server's (192.0.2.9, 2001:db8::9),
each with a TUN whose other end is this process: it carries the packets across, loses, repeats and
reorders some of them as a seed decides, and keeps what it carried.  The record then goes through
the kernel and the engine packet by packet, like a generated stream.
"""
import ctypes
import fcntl
import os
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from kernel import CLONE_NEWNET, IFF_NO_PI, IFF_TUN, TUNSETIFF, run
from packets import with_header_checksum

CLIENT = {"side": "wg0", "addresses": ["10.8.0.2/24", "fd08::2/64"]}
SERVER = {"side": "eth0", "addresses": ["192.0.2.9/24", "2001:db8::9/64"]}
SECONDS = 20  # that a client may take
# Servers do not say when they listen.  A busy machine's may need longer; then its client is
# refused, which is a record too.
START = 0.5

WEB = [sys.executable, "-m", "http.server", "--bind", "::", "8080"]
# Debian's Python has pyftpdlib.
FTP = ["/usr/bin/python3", "-m", "pyftpdlib", "-i", "{address}", "-p", "21", "-w", "-d", "{files}"]
SIP = ["sipp", "-sn", "uas", "-i", "192.0.2.9", "-nostdin"]
IPERF = ["iperf3", "-s", "-1"]
DNS = [sys.executable, "-c", """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.9", 53))
while True:
    data, peer = s.recvfrom(4096)
    s.sendto(data[:2] + b"\\x81\\x83" + data[4:], peer)
"""]


def curl(*words):
    return ["curl", "-s", "-g", "-o", "/dev/null", "--max-time", "15"] + list(words)


# Name, what is needed, the server (None without one), the client, whether packets are lost.
PROGRAMS = [
    ("curl", ["curl"], WEB, curl("http://192.0.2.9:8080/big"), False),
    ("curl, lossy", ["curl"], WEB, curl("http://192.0.2.9:8080/big"), True),
    ("curl, IPv6, lossy", ["curl"], WEB, curl("http://[2001:db8::9]:8080/big"), True),
    ("curl, nobody there", ["curl"], None, curl("http://192.0.2.9:81/"), False),
    ("ftp, passive", ["curl"], FTP, curl("ftp://192.0.2.9/small"), False),
    ("ftp, extended, IPv6", ["curl"], FTP, curl("ftp://[2001:db8::9]/small"), False),
    ("ftp, PASV", ["curl"], FTP, curl("--disable-epsv", "ftp://192.0.2.9/small"), True),
    ("ftp, PORT", ["curl"], FTP, curl("--disable-eprt", "-P", "-", "ftp://192.0.2.9/small"),
     False),
    ("ftp, EPRT", ["curl"], FTP, curl("-P", "-", "ftp://192.0.2.9/small"), False),
    ("ping", ["ping"], None, ["ping", "-c", "5", "-i", "0.01", "192.0.2.9"], True),
    ("ping, large", ["ping"], None, ["ping", "-c", "5", "-i", "0.01", "-s", "4000", "192.0.2.9"],
     False),
    ("ping, IPv6, large", ["ping"], None,
     ["ping", "-c", "5", "-i", "0.01", "-s", "4000", "2001:db8::9"], False),
    ("traceroute", ["traceroute"], None, ["traceroute", "-n", "-m", "3", "192.0.2.9"], False),
    ("traceroute, ICMP", ["traceroute"], None,
     ["traceroute", "-I", "-n", "-m", "3", "192.0.2.9"], False),
    ("traceroute, TCP", ["traceroute"], None,
     ["traceroute", "-T", "-n", "-m", "3", "192.0.2.9"], False),
    ("dig", ["dig"], DNS, ["dig", "+tries=2", "+time=1", "@192.0.2.9", "example.org"], False),
    ("iperf3", ["iperf3"], IPERF, ["iperf3", "-c", "192.0.2.9", "-n", "3M"], True),
    ("iperf3, both ways", ["iperf3"], IPERF,
     ["iperf3", "-c", "192.0.2.9", "--bidir", "-n", "1M"], True),
    ("iperf3, UDP in pieces", ["iperf3"], IPERF,
     ["iperf3", "-c", "192.0.2.9", "-u", "-b", "20M", "-l", "4000", "-n", "1M"], True),
    ("sipp", ["sipp"], SIP,
     ["sipp", "-sn", "uac", "-i", "10.8.0.2", "-m", "5", "-r", "20", "-d", "50", "-nostdin",
      "192.0.2.9"], False),
]


class Host:
    """A process in a namespace of its own, which starts programs there; its TUN is ours."""

    def __init__(self, side, addresses):
        self.side = side
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            try:
                self.live(theirs, addresses)
            finally:
                os._exit(1)
        theirs.close()
        self.control = ours
        _, fds, _, _ = socket.recv_fds(ours, 10, 1)
        self.tun = fds[0]
        os.set_blocking(self.tun, False)

    @staticmethod
    def live(control, addresses):
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "a network namespace cannot be made")
        fd = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI))
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "set", "tun0", "multicast", "off")
        run("ip", "link", "set", "tun0", "up", "mtu", "1500")
        for address in addresses:
            run("ip", "addr", "add", address, "dev", "tun0", *["nodad"] * (":" in address))
        for family in "-4", "-6":
            run("ip", family, "route", "add", "default", "dev", "tun0")
        with open("/proc/sys/net/ipv4/ping_group_range", "w") as f:
            f.write("0 0")
        socket.send_fds(control, [b"ready"], [fd])
        # A program a message, until the other side goes: words between NULs, its directory first.
        while message := control.recv(65536):
            words = message.decode().split("\0")
            program = subprocess.Popen(words[1:], cwd=words[0], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       start_new_session=True)
            control.send(b"%d" % program.pid)
        os._exit(0)

    def start(self, words, directory):
        """The program's process id."""
        self.control.send("\0".join([directory] + words).encode())
        return int(self.control.recv(20))

    def close(self):
        os.close(self.tun)
        # Not only closed: a host that was forked later has it open too.
        self.control.shutdown(socket.SHUT_RDWR)
        self.control.close()
        os.waitpid(self.pid, 0)


def over(pid):
    """Whether a process that is not our child has ended."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def stop(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def one_hop_more(packet):
    """The firewall that the record is for is a hop which the programs did not meet."""
    if packet[0] >> 4 == 4:
        return with_header_checksum(packet[:8] + bytes([min(packet[8] + 1, 255)]) + packet[9:])
    return packet[:7] + bytes([min(packet[7] + 1, 255)]) + packet[8:]


class Wire:
    """Between the two hosts; records what it carries, as (side, packet)."""

    def __init__(self, hosts, seed, lossy):
        self.hosts = hosts
        self.random = random.Random(seed)
        self.lossy = lossy
        self.held = None  # a packet that will be overtaken
        self.record = []

    def carry(self, seconds):
        readable, _, _ = select.select([h.tun for h in self.hosts], [], [], seconds)
        for source, sink in (self.hosts, self.hosts[::-1]):
            if source.tun in readable:
                self.packets(source, sink)
        if not readable:
            self.release()

    def packets(self, source, sink):
        while True:
            try:
                packet = os.read(source.tun, 65536)
            except BlockingIOError:
                return
            self.one(source, sink, packet)

    def one(self, source, sink, packet):
        luck = self.random.random() if self.lossy else 1
        if luck < 0.02:
            return  # lost
        if luck < 0.05 and not self.held:
            self.held = source, sink, packet
            return
        self.deliver(source, sink, packet)
        if luck < 0.07:
            self.deliver(source, sink, packet)
        if self.held and self.random.random() < 0.5:
            self.release()

    def release(self):
        if self.held:
            self.deliver(*self.held)
            self.held = None

    def deliver(self, source, sink, packet):
        self.record.append((source.side, one_hop_more(packet)))
        try:
            os.write(sink.tun, packet)
        except OSError:
            pass


def record(program, seed, directory):
    """(side, packet) in the order in which they crossed."""
    name, needs, server, client, lossy = program
    hosts = [Host(**CLIENT), Host(**SERVER)]
    wire = Wire(hosts, seed, lossy)
    serving = None
    try:
        if server:
            address = "2001:db8::9" if any("2001:" in word for word in client) else "192.0.2.9"
            words = [w.format(address=address, files=directory) for w in server] \
                if server is FTP else server
            serving = hosts[1].start(words, directory)
            time.sleep(START)
        pid = hosts[0].start(client, directory)
        end = time.monotonic() + SECONDS
        while not over(pid) and time.monotonic() < end:
            wire.carry(0.05)
        for _ in range(10):
            wire.carry(0.02)
        stop(pid)
    finally:
        if serving:
            stop(serving)
        for host in hosts:
            host.close()
    return wire.record


def records(seed, names=None):
    """(name, stream) of each program; the stream None when a tool is missing."""
    with tempfile.TemporaryDirectory(prefix="oracle.") as directory:
        for name, size in ("big", 300000), ("small", 20000):
            with open(os.path.join(directory, name), "wb") as f:
                f.write(random.Random(name).randbytes(size))
        for program in PROGRAMS:
            if names and program[0] not in names:
                continue
            missing = [tool for tool in program[1] if not shutil.which(tool)]
            yield program[0], None if missing else record(program, seed, directory)
