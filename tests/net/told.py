#!/usr/bin/env python3
"""told.py tcp|udp|asked|everybody ADDRESS PORT [SOURCE]

What a program is told that sends there, from no address in particular if none is given: "sent",
or in the kernel's words why not.  With "asked" it is "answered" when that is what comes of it;
with "everybody" its socket may send broadcasts."""
import os
import socket
import sys


def main():
    kind, address, port, *source = sys.argv[1:]
    how = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, how) as s:
        s.settimeout(0.5)
        if kind == "everybody":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if source:
            s.bind((source[0], 0))
        try:
            if kind == "tcp":
                s.connect((address, int(port)))
            else:
                s.sendto(b"x", (address, int(port)))
            if kind == "asked":
                s.recv(2000)
            print("answered" if kind == "asked" else "sent")
        except OSError as e:
            print(os.strerror(e.errno) if e.errno else e)


if __name__ == "__main__":
    main()
