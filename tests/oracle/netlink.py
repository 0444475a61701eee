"""netlink.py - what the kernel says through netlink: NFLOG's records, and conntrack's tables of
flows and expectations, one entry or all.

An entry is a dict of the same keys and values as the engine's side has (driver.c).
"""
import errno
import os
import socket
import struct

NETLINK_NETFILTER = 12
LOG_GROUP = 7
CTNETLINK, CTNETLINK_EXP, ULOG = 1, 2, 4  # subsystems
GET, DELETE = 1, 2
REQUEST_ACK, REQUEST_DUMP = 0x5, 0x301
ERROR, DONE = 2, 3
NESTED = 0x8000
TCP_STATES = ("NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK",
              "TIME_WAIT", "CLOSE", "SYN_SENT2")
SCTP_STATES = ("NONE", "CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED", "ESTABLISHED", "SHUTDOWN_SENT",
               "SHUTDOWN_RECD", "SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT")
ICMP, TCP, ICMPV6, GRE, SCTP = 1, 6, 58, 47, 132


def attributes(data):
    """Kind to value; of a kind that comes twice the last."""
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[at + 4:at + length]
        at += (length + 3) & ~3
    return found


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def number(value):
    return int.from_bytes(value, "big")


def tuple_of(data):
    """"tcp 10.0.0.1:1000 > 10.0.0.2:80" as the engine's side writes it: the transport's fields
    are those of the engine's tuple, for ICMP identifier and type << 8 | code."""
    a = attributes(data)
    ip, proto = attributes(a[1]), attributes(a[2])
    family = socket.AF_INET if 1 in ip else socket.AF_INET6
    src, dst = (socket.inet_ntop(family, ip[k]) for k in ((1, 2) if 1 in ip else (3, 4)))
    l4 = proto[1][0]
    sport, dport = number(proto.get(2, b"")), number(proto.get(3, b""))
    if l4 == ICMP and 4 in proto:
        sport, dport = number(proto[4]), number(proto[5]) << 8 | number(proto[6])
    if l4 == ICMPV6 and 7 in proto:
        sport, dport = number(proto[7]), number(proto[8]) << 8 | number(proto[9])
    return "%d %s %d > %s %d" % (l4, src, sport, dst, dport)


def protocol_state(entry, data):
    a = attributes(data)
    if 1 in a:
        tcp = attributes(a[1])
        entry["state"] = TCP_STATES[tcp[1][0]]
        entry["scale"] = [tcp[2][0], tcp[3][0]] if 2 in tcp else [0, 0]
        entry["flags"] = [tcp[4][0], tcp[5][0]]
    if 3 in a:
        sctp = attributes(a[3])
        entry["state"] = SCTP_STATES[sctp[1][0]]
        entry["vtag"] = [number(sctp[2]), number(sctp[3])]


def zones_of(a):
    """Of both directions; ctnetlink tells them apart where they differ."""
    if 18 in a:
        return [number(a[18])] * 2
    return [number(attributes(a[kind]).get(3, b"")) for kind in (1, 2)]


def entry_of(data):
    """An entry from the attributes of a ctnetlink message."""
    a = attributes(data)
    entry = {
        "tuple": [tuple_of(a[1]), tuple_of(a[2])],
        "status": number(a[3]),
        "timeout": number(a.get(7, b"")),
        "mark": number(a.get(8, b"")),
        "zone": zones_of(a),
        "packets": [0, 0],
        "bytes": [0, 0],
    }
    if 4 in a:
        protocol_state(entry, a[4])
    for way, kind in enumerate((9, 10)):
        if kind in a:
            counters = attributes(a[kind])
            entry["packets"][way] = number(counters[1])
            entry["bytes"][way] = number(counters[2])
    if 5 in a:
        entry["helper"] = attributes(a[5])[1].rstrip(b"\0").decode()
    return entry


def expectation_of(data):
    a = attributes(data)
    return {
        "master": tuple_of(a[1]),
        "tuple": tuple_of(a[2]),
        "mask": tuple_of(a[3]),
        "timeout": number(a[4]),
        "class": number(a.get(9, b"")),
        "flags": number(a.get(8, b"")),
        "helper": a.get(6, b"").rstrip(b"\0").decode(),
    }


def messages(data):
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        yield kind, data[at + 16:at + length]
        at += (length + 3) & ~3


def tuple_attribute(kind, text, zone=None):
    """What tuple_of() read, as an attribute; zone: of this direction alone."""
    l4, src, sport, _, dst, dport = text.split()
    family = socket.AF_INET6 if ":" in src else socket.AF_INET
    ends = (3, 4) if family == socket.AF_INET6 else (1, 2)
    ip = b"".join(attribute(k, socket.inet_pton(family, a)) for k, a in zip(ends, (src, dst)))
    l4, sport, dport = int(l4), int(sport), int(dport)
    proto = attribute(1, bytes([l4]))
    if l4 in (ICMP, ICMPV6):
        first = 4 if l4 == ICMP else 7
        proto += attribute(first, struct.pack(">H", sport)) + \
            attribute(first + 1, bytes([dport >> 8])) + attribute(first + 2, bytes([dport & 255]))
    else:
        proto += attribute(2, struct.pack(">H", sport)) + attribute(3, struct.pack(">H", dport))
    body = attribute(NESTED | 1, ip) + attribute(NESTED | 2, proto)
    if zone is not None:
        body += attribute(3, struct.pack(">H", zone))
    return attribute(NESTED | kind, body), family


class Conntrack:
    """ctnetlink of the namespace that this process is in."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.socket.bind((0, 0))

    def request(self, subsystem, command, flags, family=0, more=b""):
        body = struct.pack(">BBH", family, 0, 0) + more
        self.socket.send(struct.pack("=IHHII", 16 + len(body), subsystem << 8 | command, flags,
                                     1, 0) + body)

    def dump(self, subsystem, decode):
        found = []
        self.request(subsystem, GET, REQUEST_DUMP)
        while True:
            for kind, body in messages(self.socket.recv(1 << 17)):
                if kind == DONE:
                    return found
                if kind == ERROR:
                    error = -struct.unpack_from("=i", body)[0]
                    raise OSError(error, "ctnetlink: " + os.strerror(error))
                found.append(decode(body[4:]))

    def entry(self, original, zones):
        """The flow of this original tuple; None when there is none."""
        one = zones[0] == zones[1]
        more, family = tuple_attribute(1, original, None if one else zones[0])
        if one and zones[0]:
            more += attribute(18, struct.pack(">H", zones[0]))
        self.request(CTNETLINK, GET, 1, family, more)
        for kind, body in messages(self.socket.recv(1 << 17)):
            if kind != ERROR:
                entry = entry_of(body[4:])
                return entry if entry["tuple"][0] == original else None
            error = -struct.unpack_from("=i", body)[0]
            if error != errno.ENOENT:
                raise OSError(error, "ctnetlink: " + os.strerror(error))
        return None

    def flush(self):
        self.request(CTNETLINK, DELETE, REQUEST_ACK)
        self.socket.recv(1 << 17)

    def flows(self):
        return self.dump(CTNETLINK, entry_of)

    def expectations(self):
        return self.dump(CTNETLINK_EXP, expectation_of)

    def close(self):
        self.socket.close()


class Log:
    """NFLOG group 7: for each record its prefix, the packet that it speaks of, and whether that
    came in through an interface."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.socket.bind((0, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
        # bind the group; copy whole packets; flush after each one
        for config in (attribute(1, b"\1"), attribute(2, struct.pack(">IBx", 0xFFFF, 2)),
                       attribute(5, struct.pack(">I", 1))):
            body = struct.pack(">BBH", 0, 0, LOG_GROUP) + config
            self.socket.send(struct.pack("=IHHII", 16 + len(body), ULOG << 8 | 1, REQUEST_ACK, 0,
                                         0) + body)
            error = -struct.unpack_from("=i", self.socket.recv(4096), 16)[0]
            if error:
                raise OSError(error, "NFLOG: " + os.strerror(error))

    def read(self):
        records = []
        while True:
            try:
                data = self.socket.recv(1 << 17, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return records
            for kind, body in messages(data):
                if kind == ULOG << 8:
                    records.append(self.record(attributes(body[4:])))

    @staticmethod
    def record(a):
        return {"prefix": a.get(10, b"").rstrip(b"\0").decode(), "packet": a.get(9, b""),
                "came_in": 4 in a}

    def close(self):
        self.socket.close()
