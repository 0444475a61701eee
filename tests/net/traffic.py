#!/usr/bin/env python3
"""traffic.py - real traffic for tests and the demonstration.

    traffic.py serve [--tcp PORT,...] [--udp PORT,...]
        Answers on IPv4 and IPv6.  TCP: sends a line "ADDRESS PORT", the peer as seen,
        then what it receives.  UDP: sends that line and what it received.  Says "ready".

    traffic.py tcp ADDRESS PORT          one word and the exit status:
    traffic.py udp ADDRESS PORT            open, answered (0), refused (1),
    traffic.py ack ADDRESS PORT            silent (2), unreachable (3)
        ack sends a TCP segment with ACK alone that belongs to no connection; a reset is
        "refused".  tcp and udp add the peer's line, which tells who was seen.

    traffic.py udp ADDRESS PORT --bytes N
        So many bytes in one datagram, all of which must come back.

    traffic.py fragments ADDRESS PORT BYTES [--size N] [--lose N] [--reverse] [--twice] [--df]
        The same in fragments of our own making, of size bytes (1000) of data each:
        without number N (from 0), the last one first, each one twice, with DF.

    traffic.py talk ADDRESS PORT [--rounds N] [--pause SECONDS] [--log FILE]
        A TCP connection that says something and waits for its echo, again and again.
        Each round is a line in FILE.  Exit status 0 when every byte came back.

    traffic.py transfer ADDRESS PORT BYTES
        Sends so many bytes and checks that they come back; says how long the segments
        were that it sent and received.

    traffic.py compute INTERFACE
        Has the kernel compute checksums and split super-packets before that interface.

    traffic.py mtu ADDRESS PORT
        The path's MTU as datagrams that may not be cut find it out, until one is answered:
        "mtu N".

    traffic.py many ADDRESS PORT FIRST LAST
        A datagram from each of these ports of ours, and how many of them were answered:
        "answered N".

    traffic.py forge FROM ADDRESS [PORT]
        Sends a UDP datagram under a source that need not be ours.

    --timeout SECONDS: how long to wait for an answer (1).  talk and transfer wait for longer, and
        are for what is open.
"""
import argparse
import array
import errno
import fcntl
import os
import random
import select
import socket
import struct
import sys
import threading
import time

STATUS = {"open": 0, "answered": 0, "mtu": 0, "refused": 1, "silent": 2, "unreachable": 3}
UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM}


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo_header(source, target, protocol, length):
    f = family(target)
    addresses = socket.inet_pton(f, source) + socket.inet_pton(f, target)
    if f == socket.AF_INET:
        return addresses + struct.pack("!BBH", 0, protocol, length)
    return addresses + struct.pack("!IxxxB", length, protocol)


def own_address(target):
    with socket.socket(family(target), socket.SOCK_DGRAM) as s:
        s.connect((target, 9))
        return s.getsockname()[0]


# ---- the serving side ----

def serve_connection(s, peer):
    with s:
        try:
            s.sendall(("%s %d\n" % peer[:2]).encode())
            while True:
                data = s.recv(1 << 16)
                if not data:
                    return
                s.sendall(data)
        except OSError:
            return


def serve(args):
    listeners = []
    for f, any_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for kind, ports in ((socket.SOCK_STREAM, args.tcp), (socket.SOCK_DGRAM, args.udp)):
            for port in (int(p) for p in ports.split(",") if p):
                s = socket.socket(f, kind)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if f == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                s.bind((any_address, port))
                if kind == socket.SOCK_STREAM:
                    s.listen(64)
                listeners.append(s)
    print("ready", flush=True)
    while True:
        for s in select.select(listeners, [], [])[0]:
            if s.type == socket.SOCK_STREAM:
                connection, peer = s.accept()
                threading.Thread(target=serve_connection, args=(connection, peer),
                                 daemon=True).start()
            else:
                data, peer = s.recvfrom(65535)
                try:
                    s.sendto(("%s %d\n" % peer[:2]).encode() + data, peer)
                except OSError:
                    pass


# ---- the asking side ----

def word_for(error):
    if isinstance(error, (ConnectionRefusedError, ConnectionResetError)):
        return "refused"
    if isinstance(error, OSError) and error.errno in UNREACHABLE:
        return "unreachable"
    return "silent"


def ask_tcp(args):
    try:
        with socket.create_connection((args.address, args.port), args.timeout) as s:
            return "open " + s.makefile().readline().strip()
    except OSError as e:
        return word_for(e)


def ask_udp(args):
    try:
        with socket.socket(family(args.address), socket.SOCK_DGRAM) as s:
            s.settimeout(args.timeout)
            s.connect((args.address, args.port))
            question = os.urandom(args.bytes) if args.bytes else b"question"
            s.send(question)
            return answered(s, question)
    except OSError as e:
        return word_for(e)


def answered(s, question):
    peer, data = s.recv(65535).split(b"\n", 1)
    return "answered " + peer.decode() if data == question else "garbled"


def udp_datagram(source, target, sport, dport, data):
    datagram = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    total = checksum(pseudo_header(source, target, 17, len(datagram)) + datagram)
    return datagram[:6] + struct.pack("!H", total or 0xFFFF) + datagram[8:]


def raw_socket(f):
    s = socket.socket(f, socket.SOCK_RAW, socket.IPPROTO_RAW)
    if f == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, 36, 1)  # IPV6_HDRINCL
    return s


def fragments(source, target, datagram, size, df):
    f = family(target)
    addresses = socket.inet_pton(f, source) + socket.inet_pton(f, target)
    ident = random.randint(1, 0xFFFF)
    for at in range(0, len(datagram), size):
        data = datagram[at:at + size]
        more = at + size < len(datagram)
        if f == socket.AF_INET:
            yield struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), ident,
                              at // 8 | more << 13 | df << 14, 64, 17, 0) + addresses + data
        else:
            yield struct.pack("!IHBB", 6 << 28, 8 + len(data), 44, 64) + addresses + struct.pack(
                "!BBHI", 17, 0, at | more, ident) + data


def ask_fragments(args):
    source, question = own_address(args.address), os.urandom(args.bytes)
    with socket.socket(family(args.address), socket.SOCK_DGRAM) as s:
        s.settimeout(args.timeout)
        s.bind((source, 0))
        packets = list(fragments(source, args.address, udp_datagram(
            source, args.address, s.getsockname()[1], args.port, question), args.size // 8 * 8,
            args.df))
        if args.lose is not None:
            del packets[args.lose]
        if args.reverse:
            packets.reverse()
        with raw_socket(family(args.address)) as raw:
            for packet in packets:
                for _ in range(1 + args.twice):
                    raw.sendto(packet, (args.address, 0))
        try:
            return answered(s, question)
        except OSError as e:
            return word_for(e)


def ask_ack(args):
    f = family(args.address)
    source = own_address(args.address)
    port = random.randint(20000, 30000)
    segment = struct.pack("!HHIIBBHHH", port, args.port, random.getrandbits(32),
                          random.getrandbits(32), 5 << 4, 0x10, 65535, 0, 0)
    total = checksum(pseudo_header(source, args.address, 6, len(segment)) + segment)
    segment = segment[:16] + struct.pack("!H", total) + segment[18:]
    with socket.socket(f, socket.SOCK_RAW, socket.IPPROTO_TCP) as s:
        s.sendto(segment, (args.address, 0))
        end = time.monotonic() + args.timeout
        while time.monotonic() < end:
            if not select.select([s], [], [], max(0, end - time.monotonic()))[0]:
                break
            answer, peer = s.recvfrom(65535)
            if f == socket.AF_INET:
                answer = answer[(answer[0] & 15) * 4:]
            if peer[0] == args.address and \
               answer[:4] == struct.pack("!HH", args.port, port) and answer[13] & 4:
                return "refused"
    return "silent"


def talk(args):
    log = open(args.log, "w") if args.log else None
    with socket.create_connection((args.address, args.port), 60) as s:
        stream = s.makefile("rwb")
        stream.readline()
        for i in range(args.rounds):
            stream.write(b"round %d\n" % i)
            stream.flush()
            if stream.readline() != b"round %d\n" % i:
                return "lost in round %d" % i
            if log:
                print(i, file=log, flush=True)
            time.sleep(args.pause)
    return "open %d rounds" % args.rounds


def stream(args):
    log = open(args.log, "w")
    with socket.socket(family(args.address), socket.SOCK_DGRAM) as s:
        s.connect((args.address, args.port))
        s.settimeout(args.pause)
        for i in range(args.rounds):
            try:
                s.send(b"round %d" % i)
                s.recv(65535)
                print(i, file=log, flush=True)
            except OSError:
                pass
            time.sleep(args.pause)
    return "sent %d rounds" % args.rounds


def flood(args):
    """As many flows as are asked for, from ten ports to ports from this one on."""
    sockets = [socket.socket(family(args.address), socket.SOCK_DGRAM) for _ in range(10)]
    for i in range(args.flows):
        try:
            sockets[i % 10].sendto(b"flood", (args.address, args.port + i // 10))
        except OSError:
            pass
        if i % 100 == 0:
            time.sleep(0.001)
    return "sent %d" % args.flows


def mtu(args):
    f = family(args.address)
    level, discover, path = ((socket.IPPROTO_IPV6, 23, 24) if f == socket.AF_INET6 else
                             (socket.IPPROTO_IP, 10, 14))
    headers = 48 if f == socket.AF_INET6 else 28
    with socket.socket(f, socket.SOCK_DGRAM) as s:
        s.setsockopt(level, discover, 2)  # IP_PMTUDISC_DO
        s.connect((args.address, args.port))
        s.settimeout(args.timeout)
        size = s.getsockopt(level, path)
        for _ in range(5):
            try:
                # What comes back is longer by the line with our address.
                s.send(bytes(size - headers))
                s.recv(65535)
                return "mtu %d" % size
            except OSError as e:
                if e.errno == errno.EMSGSIZE:
                    size = s.getsockopt(level, path)
    return "silent"


def many(args):
    sockets, answered = [], select.poll()
    for port in range(args.first, args.last + 1):
        s = socket.socket(family(args.address), socket.SOCK_DGRAM)
        s.bind(("", port))
        s.connect((args.address, args.port))
        s.send(b"question")
        sockets.append(s)
        answered.register(s, select.POLLIN)
        if port % 50 == 0:
            time.sleep(0.02)
    time.sleep(args.timeout)
    return "answered %d" % len(answered.poll(0))


def transfer(args):
    block = os.urandom(1 << 16)
    with socket.create_connection((args.address, args.port), 20) as s:
        stream = s.makefile("rb")
        stream.readline()

        def send():
            for _ in range(args.bytes // len(block)):
                s.sendall(block)
            s.shutdown(socket.SHUT_WR)

        threading.Thread(target=send, daemon=True).start()
        for i in range(args.bytes // len(block)):
            if stream.read(len(block)) != block:
                return "lost in block %d" % i
        info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        sent, received = struct.unpack_from("=II", info, 16)
    return "open %d bytes in segments of %d and %d" % (args.bytes, sent, received)


def compute(args):
    """What `ethtool -K INTERFACE tx off` does."""
    siocethtool, ethtool_stxcsum = 0x8946, 0x17
    off = array.array("B", struct.pack("=II", ethtool_stxcsum, 0))
    request = struct.pack("16sP16x", args.interface.encode(), off.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, siocethtool, request)
    return "open " + args.interface


def forge(args):
    f = family(args.address)
    datagram = udp_datagram(args.source, args.address, 40000, args.port, b"question")
    addresses = socket.inet_pton(f, args.source) + socket.inet_pton(f, args.address)
    if f == socket.AF_INET:
        packet = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(datagram), 1, 0, 64, 17, 0)
        packet += addresses + datagram
    else:
        packet = struct.pack("!IHBB", 6 << 28, len(datagram), 17, 64) + addresses + datagram
    raw_socket(f).sendto(packet, (args.address, 0))
    return "answered"


def main():
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--timeout", type=float, default=1)
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    p = commands.add_parser("serve")
    p.add_argument("--tcp", default="")
    p.add_argument("--udp", default="")
    p.set_defaults(run=serve)
    for name, run in (("tcp", ask_tcp), ("udp", ask_udp), ("ack", ask_ack)):
        p = commands.add_parser(name, parents=[common])
        p.add_argument("address")
        p.add_argument("port", type=int)
        if name == "udp":
            p.add_argument("--bytes", type=int)
        p.set_defaults(run=run)
    p = commands.add_parser("fragments", parents=[common])
    p.add_argument("address")
    p.add_argument("port", type=int)
    p.add_argument("bytes", type=int)
    p.add_argument("--size", type=int, default=1000)
    p.add_argument("--lose", type=int)
    p.add_argument("--reverse", action="store_true")
    p.add_argument("--twice", action="store_true")
    p.add_argument("--df", action="store_true")
    p.set_defaults(run=ask_fragments)
    p = commands.add_parser("talk", parents=[common])
    p.add_argument("address")
    p.add_argument("port", type=int)
    p.add_argument("--rounds", type=int, default=10)
    p.add_argument("--pause", type=float, default=0.02)
    p.add_argument("--log")
    p.set_defaults(run=talk)
    p = commands.add_parser("stream", parents=[common])
    p.add_argument("address")
    p.add_argument("port", type=int)
    p.add_argument("--rounds", type=int, default=10)
    p.add_argument("--pause", type=float, default=0.05)
    p.add_argument("--log")
    p.set_defaults(run=stream)
    p = commands.add_parser("flood", parents=[common])
    p.add_argument("address")
    p.add_argument("port", type=int)
    p.add_argument("flows", type=int)
    p.set_defaults(run=flood)
    p = commands.add_parser("transfer", parents=[common])
    p.add_argument("address")
    p.add_argument("port", type=int)
    p.add_argument("bytes", type=int)
    p.set_defaults(run=transfer)
    p = commands.add_parser("compute", parents=[common])
    p.add_argument("interface")
    p.set_defaults(run=compute)
    p = commands.add_parser("mtu", parents=[common])
    p.add_argument("address")
    p.add_argument("port", type=int)
    p.set_defaults(run=mtu)
    p = commands.add_parser("many", parents=[common])
    p.add_argument("address")
    p.add_argument("port", type=int)
    p.add_argument("first", type=int)
    p.add_argument("last", type=int)
    p.set_defaults(run=many)
    p = commands.add_parser("forge", parents=[common])
    p.add_argument("source")
    p.add_argument("address")
    p.add_argument("port", type=int, nargs="?", default=7)
    p.set_defaults(run=forge)
    args = parser.parse_args()
    try:
        result = args.run(args)
    except OSError as e:
        result = word_for(e)
    print(result, flush=True)
    sys.exit(STATUS.get(result.split()[0], 4))


if __name__ == "__main__":
    main()
