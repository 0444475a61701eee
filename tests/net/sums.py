#!/usr/bin/env python3
"""sums.py - whether all that comes in by an interface has right checksums, at every layer.

    sums.py watch IFACE
        Says "ready", and at SIGTERM "N packets, E errors, W wrong" and what those were.
        Looked at: IPv4 headers, TCP, UDP, ICMP, ICMPv6, and of what ICMP errors quote the same
        as far as it is there.  Fragments: their headers.
"""
import array
import ipaddress
import signal
import socket
import struct
import sys

ETH_P_ALL, SOL_PACKET, PACKET_IGNORE_OUTGOING = 3, 263, 23
CHECKSUM_AT = {6: 16, 17: 6, 1: 2, 58: 2}
EXTENSIONS = {0, 43, 60}


def total(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(array.array("H", data))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return s


def transport(addresses, proto, data, v4):
    """None where it is right, or has none."""
    if proto not in CHECKSUM_AT or len(data) < CHECKSUM_AT[proto] + 2:
        return None
    if proto == 17 and data[6:8] == b"\0\0":
        return None if v4 else "UDP without a checksum"
    pseudo = b"" if proto == 1 else addresses + struct.pack("!IxxxB", len(data), proto)
    return None if total(pseudo + data) == 0xFFFF else "checksum of protocol %d" % proto


class Watch:
    def __init__(self):
        self.packets, self.errors, self.wrong = 0, 0, []

    def quoted(self, data):
        self.errors += 1
        return self.ip(data, True)

    def payload(self, addresses, proto, data, whole, v4, quoted):
        if whole:
            wrong = transport(addresses, proto, data, v4)
            if wrong:
                return wrong
        error = (3, 11, 12) if v4 else (1, 2, 3, 4)
        if not quoted and proto == (1 if v4 else 58) and whole and data and data[0] in error:
            return self.quoted(data[8:])
        return None

    def ip4(self, data, quoted):
        hlen = (data[0] & 15) * 4
        length, fragment = struct.unpack_from("!HxxH", data, 2)
        if total(data[:hlen]) != 0xFFFF:
            return "IPv4 header"
        whole = not fragment & 0x3FFF and length <= len(data)
        return self.payload(data[12:20], data[9], data[hlen:length], whole, True, quoted)

    def ip6(self, data, quoted):
        length, proto = struct.unpack_from("!HB", data, 4)
        at, end = 40, 40 + length
        while proto in EXTENSIONS and at + 8 <= len(data):
            proto, at = data[at], at + 8 + 8 * data[at + 1]
        return self.payload(data[8:40], proto, data[at:end], proto != 44 and end <= len(data),
                            False, quoted)

    def ip(self, data, quoted=False):
        if len(data) < 20:
            return "cut short"
        return self.ip4(data, quoted) if data[0] >> 4 == 4 else self.ip6(data, quoted)

    def frame(self, frame):
        kind = frame[12:14]
        if kind not in (b"\x08\x00", b"\x86\xdd"):
            return
        self.packets += 1
        wrong = self.ip(frame[14:])
        if wrong:
            v4 = kind == b"\x08\x00"
            src, dst = (frame[26:30], frame[30:34]) if v4 else (frame[22:38], frame[38:54])
            self.wrong.append("%s: %s > %s, %d bytes: %s" % (
                wrong, ipaddress.ip_address(src), ipaddress.ip_address(dst), len(frame) - 14,
                frame[14:94].hex()))


def watch(interface):
    watcher = Watch()
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)  # SO_RCVBUFFORCE
    s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    s.bind((interface, 0))
    s.settimeout(0.1)
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    print("ready", flush=True)
    while True:
        try:
            watcher.frame(s.recv(70000))
        except socket.timeout:
            if ended:
                break
    print("%d packets, %d errors, %d wrong" % (watcher.packets, watcher.errors,
                                               len(watcher.wrong)))
    print("\n".join(watcher.wrong[:10]))


watch(sys.argv[2])
