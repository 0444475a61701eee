#!/usr/bin/env python3
"""pptp.py serve ADDRESS - answer sessions and calls of PPTP, and the GRE that carries them.
pptp.py call ADDRESS [ID] - make a call there, and say what comes of it by GRE."""
import socket
import struct
import sys
import threading

PORT, GRE = 1723, 47
START, STARTED, CALL, CALLED = 1, 2, 7, 8
LENGTH = {START: 144, STARTED: 144, CALL: 156, CALLED: 20}
SERVER_ID = 77


def send(s, kind, start):
    s.sendall(struct.pack(">HHIHH", 12 + LENGTH[kind], 1, 0x1A2B3C4D, kind, 0) +
              start.ljust(LENGTH[kind], b"\0"))


def receive(s, kind):
    data = b""
    while len(data) < 12 + LENGTH[kind]:
        more = s.recv(12 + LENGTH[kind] - len(data))
        if not more:
            raise SystemExit("the connection ends")
        data += more
    if struct.unpack(">H", data[8:10])[0] != kind:
        raise SystemExit("another message")
    return data[12:]


def carry(call, text):
    return struct.pack(">HHHH", 0x2001, 0x880B, len(text), call) + text


def carried(packet):
    """Call and text."""
    gre = packet[(packet[0] & 15) * 4:]
    return struct.unpack(">H", gre[6:8])[0], gre[8:]


def serve_session(s, peer, calls):
    receive(s, START)
    send(s, STARTED, struct.pack(">HBB", 0x100, 1, 0))
    calls[peer] = struct.unpack(">H", receive(s, CALL)[:2])[0]
    send(s, CALLED, struct.pack(">HHB", SERVER_ID, calls[peer], 1))
    s.recv(1)  # until it closes


def serve_gre(gre, calls):
    while True:
        packet, (peer, _) = gre.recvfrom(2000)
        call, text = carried(packet)
        if call == SERVER_ID and peer in calls:
            gre.sendto(carry(calls[peer], text + b" by %d" % calls[peer]), (peer, 0))


def serve(address):
    calls = {}
    gre = socket.socket(socket.AF_INET, socket.SOCK_RAW, GRE)
    gre.bind((address, 0))
    threading.Thread(target=serve_gre, args=(gre, calls), daemon=True).start()
    with socket.create_server((address, PORT)) as listener:
        print("ready", flush=True)
        while True:
            s, (peer, _) = listener.accept()
            threading.Thread(target=serve_session, args=(s, peer, calls), daemon=True).start()


def call(address, own):
    gre = socket.socket(socket.AF_INET, socket.SOCK_RAW, GRE)
    gre.settimeout(2)
    with socket.create_connection((address, PORT), 5) as s:
        s.settimeout(5)
        send(s, START, struct.pack(">H", 0x100))
        receive(s, STARTED)
        send(s, CALL, struct.pack(">HH", own, 1))
        server, said = struct.unpack(">HH", receive(s, CALLED)[:4])
        if said != own:
            raise SystemExit("the answer is to call %d" % said)
        gre.sendto(carry(server, b"hello"), (address, 0))
        try:
            packet, _ = gre.recvfrom(2000)
        except socket.timeout:
            raise SystemExit("silence")
        to, text = carried(packet)
        print("own" if to == own else "another's", text.decode())


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        call(sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 23)
