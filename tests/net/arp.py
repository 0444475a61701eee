#!/usr/bin/env python3
"""arp.py INTERFACE FROM ADDRESS... - ask by ARP, from the address FROM, for each address.

Says for each of them the MAC that answers within 1.2 seconds (those for others wait up to 0.8),
or "silent"."""
import socket
import struct
import sys
import time


def ask(s, mac, source, target):
    head = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
    s.send(b"\xff" * 6 + mac + b"\x08\x06" + head + mac + socket.inet_aton(source) +
           bytes(6) + socket.inet_aton(target))
    end = time.monotonic() + 1.2
    while time.monotonic() < end:
        s.settimeout(max(end - time.monotonic(), 0.001))
        try:
            frame = s.recv(2048)
        except TimeoutError:
            break
        if frame[20:22] == b"\0\2" and frame[28:32] == socket.inet_aton(target):
            return frame[22:28].hex(":")
    return "silent"


def main():
    interface, source, *targets = sys.argv[1:]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)) as s:
        s.bind((interface, 0x0806))
        mac = s.getsockname()[4]
        for target in targets:
            print(target, ask(s, mac, source, target), flush=True)


main()
