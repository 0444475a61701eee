#!/usr/bin/env python3
"""tftpd.py ADDRESS FILE - a TFTP server (RFC 1350) that answers every read request with FILE,
each from a port of its own, as servers do.  Says "ready"."""
import socket
import struct
import sys

BLOCK = 512


def serve(family, peer, content):
    """Blocks one after the other, each again until it is acknowledged."""
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(0.5)
        for number in range(1, len(content) // BLOCK + 2):
            block = content[(number - 1) * BLOCK:number * BLOCK]
            for _ in range(6):
                s.sendto(struct.pack("!HH", 3, number & 0xFFFF) + block, peer)
                try:
                    if s.recv(BLOCK)[:4] == struct.pack("!HH", 4, number & 0xFFFF):
                        break
                except socket.timeout:
                    continue
            else:
                return


def main():
    address, path = sys.argv[1:]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with open(path, "rb") as f:
        content = f.read()
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.bind((address, 69))
        print("ready", flush=True)
        while True:
            request, peer = s.recvfrom(BLOCK)
            if request[:2] == b"\0\1":
                serve(family, peer, content)


if __name__ == "__main__":
    main()
