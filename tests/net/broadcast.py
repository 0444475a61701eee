#!/usr/bin/env python3
"""broadcast.py INTERFACE PORT SOURCE...

Sends a UDP datagram to 255.255.255.255 from each of these addresses every few milliseconds,
whatever becomes of the interface.  At SIGTERM it says how many went out."""
import signal
import socket
import sys
import time

sys.dont_write_bytecode = True
from frames import packet
from traffic import udp_datagram

EVERYBODY = "255.255.255.255"


def main():
    interface, port, *sources = sys.argv[1:]
    packets = [packet(a, EVERYBODY, 17, udp_datagram(a, EVERYBODY, 5000, int(port), b"x"))
               for a in sources]
    sent = 0

    def end(*_):
        print(sent, flush=True)
        sys.exit()

    signal.signal(signal.SIGTERM, end)
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as s:
        while True:
            for p in packets:
                try:
                    s.sendto(p, (interface, 0x0800, 0, 0, b"\xff" * 6))
                    sent += 1
                except OSError:
                    pass
            time.sleep(0.003)


if __name__ == "__main__":
    main()
