#!/usr/bin/env python3
"""frames.py [--tag HEX] INTERFACE FROM-MAC TO-MAC FROM4 FROM6 ADDRESS...

Puts Ethernet frames on a wire every 2 ms, whatever becomes of the interface, and asks nobody for
their MAC: to each address a TCP SYN, a UDP datagram and an echo request; to FROM6 a router
solicitation instead.  With a tag, as 81000000 for a priority, it stands before the type.  At
SIGTERM it says how many went out."""
import signal
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
from traffic import checksum, family, pseudo_header, udp_datagram


def syn(source, target):
    head = struct.pack("!HHIIBBHHH", 5000, 22, 1, 0, 5 << 4, 2, 65535, 0, 0)
    total = checksum(pseudo_header(source, target, 6, len(head)) + head)
    return head[:16] + struct.pack("!H", total) + head[18:]


def icmp(source, target, kind, rest):
    head = struct.pack("!BBH", kind, 0, 0) + rest
    v6 = family(target) == socket.AF_INET6
    total = checksum((pseudo_header(source, target, 58, len(head)) if v6 else b"") + head)
    return head[:2] + struct.pack("!H", total) + head[4:]


def packet(source, target, protocol, data, hops=64):
    f = family(target)
    addresses = socket.inet_pton(f, source) + socket.inet_pton(f, target)
    if f == socket.AF_INET6:
        return struct.pack("!IHBB", 6 << 28, len(data), protocol, hops) + addresses + data
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), 1, 0, hops, protocol, 0)
    head += addresses
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + data


def all_to(source, target):
    if source == target:
        solicitation = icmp(source, "ff02::2", 133, bytes(4))
        return [packet(source, "ff02::2", 58, solicitation, 255)]
    v6 = family(target) == socket.AF_INET6
    return [packet(source, target, 6, syn(source, target)),
            packet(source, target, 17, udp_datagram(source, target, 5000, 53, b"x")),
            packet(source, target, 58 if v6 else 1,
                   icmp(source, target, 128 if v6 else 8, b"\0\1\0\1"))]


def main():
    words, tag = sys.argv[1:], b""
    if words[0] == "--tag":
        tag, words = bytes.fromhex(words[1]), words[2:]
    interface, source_mac, target_mac, *sources = words[:5]
    macs = bytes.fromhex((target_mac + source_mac).replace(":", ""))
    frames = []
    for target in words[5:]:
        v6 = family(target) == socket.AF_INET6
        for p in all_to(sources[v6], target):
            frames.append(macs + tag + (b"\x86\xdd" if v6 else b"\x08\0") + p)
    sent = 0

    def end(*_):
        print(sent, flush=True)
        sys.exit()

    signal.signal(signal.SIGTERM, end)
    while True:
        try:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
                s.bind((interface, 0))
                while True:
                    for frame in frames:
                        s.send(frame)
                        sent += 1
                    time.sleep(0.002)
        except OSError:
            time.sleep(0.002)


if __name__ == "__main__":
    main()
