#!/usr/bin/python3
"""ctfwctl replay as a user runs it: output, files, exit status and words.

    replay.py CTFWCTL [unittest's options]
"""
import ipaddress
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

CTFWCTL = ""
RAW, ETHERNET = 101, 1
SECOND = 1700000000

RULES = """\
table ip filter {
	chain forward {
		type filter hook forward priority 0; policy drop;
		ct state established,related accept
		tcp dport 80 ct state new accept
		tcp dport 22 reject with tcp reset
		udp dport 53 counter accept
		udp dport 54 reject
	}
	chain input {
		type filter hook input priority 0; policy drop;
		tcp dport 22 accept
	}
}
"""


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip4(src, dst, proto, payload, **fields):
    head = struct.pack("!BBHHHBBH4s4s", fields.get("first", 0x45), 0,
                       fields.get("total", 20 + len(payload)), 1, 0, 64, proto, 0,
                       socket.inet_aton(src), socket.inet_aton(dst))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def with_sum(src, dst, proto, segment, at):
    pseudo = (ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed +
              struct.pack("!BBH", 0, proto, len(segment)))
    return segment[:at] + struct.pack("!H", checksum(pseudo + segment)) + segment[at + 2:]


def tcp(src, sport, dst, dport, flags, seq=100, ack=0, data=b""):
    bits = sum(1 << "FSRPAUEC".index(f) for f in flags)
    segment = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, bits, 8192, 0, 0) + data
    return ip4(src, dst, 6, with_sum(src, dst, 6, segment, 16))


def udp(src, sport, dst, dport, data=b"x"):
    datagram = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    return ip4(src, dst, 17, with_sum(src, dst, 17, datagram, 6))


def udp6(src, sport, dst, dport, data=b"x"):
    datagram = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    datagram = with_sum(src, dst, 17, datagram, 6)  # lengths below 65536 sum up the same
    return (struct.pack("!IHBB", 6 << 28, len(datagram), 17, 64) +
            ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed + datagram)


def fragments(packet, size):
    data, out = packet[20:], []
    for at in range(0, len(data), size):
        piece = data[at:at + size]
        head = packet[:2] + struct.pack("!HHHBBH", 20 + len(piece), 7, at // 8 |
                                        (at + size < len(data)) << 13, 64, packet[9], 0)
        head += packet[12:20]
        out.append(head[:10] + struct.pack("!H", checksum(head)) + head[12:] + piece)
    return out


def handshake():
    return [tcp("10.0.1.2", 1000, "10.0.2.2", 80, "S", 100),
            tcp("10.0.2.2", 80, "10.0.1.2", 1000, "SA", 500, 101),
            tcp("10.0.1.2", 1000, "10.0.2.2", 80, "A", 101, 501)]


def pcap_head(link=RAW, magic=0xA1B2C3D4, order="<"):
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)


def record(packet, sec=SECOND, fraction=100, length=None, order="<"):
    return struct.pack(order + "IIII", sec, fraction, len(packet), length or len(packet)) + packet


def pcap(packets, link=RAW):
    """Packets a millisecond apart; or (second, fraction, packet)."""
    out = pcap_head(link)
    for i, p in enumerate(packets):
        out += record(p[2], p[0], p[1]) if isinstance(p, tuple) else record(p, SECOND, 100 + 1000 * i)
    return out


def read_pcap(path):
    """Of what we wrote: (magic, link type, [(seconds, fraction, packet)])."""
    with open(path, "rb") as f:
        data = f.read()
    magic, *_, link = struct.unpack("<IHHiIII", data[:24])
    out, at = [], 24
    while at < len(data):
        sec, fraction, caplen, length = struct.unpack("<IIII", data[at:at + 16])
        assert caplen == length
        out.append((sec, fraction, data[at + 16:at + 16 + caplen]))
        at += 16 + caplen
    return magic, link, out


class Replay(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="ctfw-replay-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.rules = self.file("rules.nft", RULES)

    def path(self, name):
        return os.path.join(self.dir, name)

    def file(self, name, content):
        with open(self.path(name), "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return self.path(name)

    def run_words(self, *words, **kw):
        return subprocess.run([CTFWCTL, "replay", *words], capture_output=True, timeout=60, **kw)

    def replay(self, packets, *options, rules=None, status=0, link=RAW):
        """The JSON objects of a replay that ends with this status; stderr in self.errors."""
        capture = packets if isinstance(packets, bytes) else pcap(packets, link)
        done = self.run_words("-r", rules or self.rules, "--json", *options,
                              self.file("in.pcap", capture))
        self.errors = done.stderr.decode()
        self.assertEqual(done.returncode, status, self.errors)
        self.rest = [l for l in done.stdout.decode().splitlines() if not l.startswith("{")]
        return [json.loads(l, parse_float=str) for l in done.stdout.decode().splitlines()
                if l.startswith("{")]

    def refused(self, *words, says, **kw):
        done = self.run_words(*words, **kw)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr.decode(), says)
        return done

    # ---- the JSON lines

    def test_a_packet_is_one_object_with_keys_in_their_order(self):
        done = self.run_words("-r", self.rules, "--json", self.file("a.pcap", pcap(handshake()[:1])))
        self.assertEqual(
            done.stdout.decode(),
            '{"packet":1,"time":1700000000.000100,"hook":"forward",'
            '"ct":{"state":"new","direction":"original"},"verdict":"accept","by":"rule",'
            '"family":"ip","table":"filter","chain":"forward","handle":4,'
            '"flow":{"id":1,"protonum":6,"tcp_state":"SYN_SENT","timeout":120,'
            '"status":["confirmed"]}}\n')
        self.assertEqual(done.stderr, b"")
        self.assertEqual(done.returncode, 0)

    def test_a_handshake_is_followed(self):
        first, second, third = self.replay(handshake())
        self.assertEqual([second["ct"], third["ct"]],
                         [{"state": "established", "direction": "reply"},
                          {"state": "established", "direction": "original"}])
        self.assertEqual(second["flow"]["tcp_state"], "SYN_RECV")
        self.assertEqual(second["flow"]["status"], ["seen-reply", "confirmed"])
        self.assertEqual(third["flow"]["status"], ["seen-reply", "assured", "confirmed"])
        self.assertEqual([o["flow"]["timeout"] for o in (first, second, third)], [120, 60, 432000])
        self.assertEqual([o["handle"] for o in (first, second, third)], [4, 3, 3])
        self.assertEqual(len({o["flow"]["id"] for o in (first, second, third)}), 1)
        self.assertEqual([o["time"] for o in (first, second, third)],
                         ["1700000000.000100", "1700000000.001100", "1700000000.002100"])

    def test_what_a_policy_drops_names_the_chain_but_no_rule(self):
        o, = self.replay([udp("10.0.1.2", 1000, "10.0.2.2", 99)])
        self.assertEqual((o["verdict"], o["by"], o["table"], o["chain"]),
                         ("drop", "policy", "filter", "forward"))
        self.assertNotIn("handle", o)
        self.assertNotIn("flow", o)
        self.assertEqual(o["ct"], {"state": "new", "direction": "original"})

    def test_where_no_chain_is_there_is_a_policy_of_none(self):
        o, = self.replay([udp("10.0.1.2", 1000, "10.0.2.2", 99)],
                         rules=self.file("empty.nft", "table ip a {\n}\n"))
        self.assertEqual((o["verdict"], o["by"]), ("accept", "policy"))
        self.assertFalse({"family", "table", "chain", "handle"} & set(o))
        self.assertEqual(o["flow"]["protonum"], 17)
        self.assertNotIn("tcp_state", o["flow"])

    def test_reject_is_a_verdict(self):
        o, = self.replay([tcp("10.0.1.2", 1000, "10.0.2.2", 22, "S")])
        self.assertEqual((o["verdict"], o["by"], o["handle"]), ("reject", "rule", 5))

    def test_a_wrong_checksum_is_invalid_and_one_left_to_the_card_is_not(self):
        good = udp("10.0.1.2", 1000, "10.0.2.2", 53)
        pseudo = good[12:20] + struct.pack("!BBH", 0, 17, len(good) - 20)
        partial = struct.pack("!H", ~checksum(pseudo) & 0xFFFF)
        wrong = struct.pack("!H", (struct.unpack("!H", good[26:28])[0] + 1) & 0xFFFF)
        states = [o["ct"]["state"] for o in self.replay([
            good[:26] + wrong + good[28:], good[:26] + partial + good[28:]])]
        self.assertEqual(states, ["invalid", "new"])

    def test_a_packet_without_a_flow_has_no_direction(self):
        o, = self.replay([tcp("10.0.1.2", 1000, "10.0.2.2", 80, "A")])
        self.assertEqual(o["ct"], {"state": "invalid"})
        self.assertEqual((o["verdict"], o["by"]), ("drop", "policy"))

    def test_malformed_packets_end_by_their_reason_and_others_go_on(self):
        good = udp("10.0.1.2", 1000, "10.0.2.2", 53)
        rows = [(b"\x55" + good[1:], "bad-version"), (b"", "bad-version"),
                (good[:19], "short-header"), (b"\x44" + good[1:], "bad-header-length"),
                (good[:-1], "bad-total-length"), (good[:8] + b"\x01" + good[9:], "bad-header-checksum"),
                (ip4("127.0.0.1", "10.0.2.2", 17, good[20:]), "martian-address")]
        objects = self.replay([r[0] for r in rows] + [good])
        self.assertEqual([o["by"] for o in objects], [r[1] for r in rows] + ["rule"])
        self.assertEqual({o["verdict"] for o in objects[:-1]}, {"drop"})
        self.assertEqual({o["ct"]["state"] for o in objects[:-1]}, {"invalid"})

    # ---- the host

    def test_local_addresses_and_routes_make_hooks_and_interfaces(self):
        rules = self.file("host.nft", """
table inet filter {
	chain forward {
		type filter hook forward priority 0; policy drop;
		iifname "wg0" oifname "eth0" accept
	}
	chain input {
		type filter hook input priority 0; policy drop;
		iifname "wg0" accept
	}
	chain output {
		type filter hook output priority 0; policy drop;
		oifname "wg1" accept
	}
}
""")
        packets = [udp("10.8.0.2", 1, "192.0.2.1", 2), udp("192.0.2.1", 3, "10.8.0.2", 2),
                   udp("10.8.0.2", 1, "10.8.0.1", 2), udp("10.8.0.1", 1, "10.8.3.9", 2),
                   udp6("fd08::2", 1, "2001:db8::1", 2)]
        objects = self.replay(packets, "--local", "10.8.0.1@wg0", "--route", "10.8.0.0/16=wg0",
                              "--route", "10.8.3.0/24=wg1", "--route", "0.0.0.0/0=eth0",
                              "--route", "fd08::/64=wg0", "--route", "::/0=eth0", rules=rules)
        self.assertEqual([(o["hook"], o["verdict"]) for o in objects],
                         [("forward", "accept"), ("forward", "drop"), ("input", "accept"),
                          ("output", "accept"), ("forward", "accept")])

    def test_wrong_words_for_the_host_are_refused(self):
        capture = self.file("in.pcap", pcap([]))
        for option, word in (("--local", "10.8.0"), ("--local", "10.8.0.1/33"), ("--local", "10.8.0.1@"),
                             ("--route", "10.8.0.0/24"), ("--route", "10.8.0.1/24=wg0"),
                             ("--route", "x=wg0")):
            self.refused("-r", self.rules, option, word, capture,
                         says=f'^ctfwctl: {option}: ".*" is not ')

    # ---- time

    def test_flows_expire_by_the_captures_time(self):
        ask = udp("10.0.1.2", 1000, "10.0.2.2", 53)
        answer = udp("10.0.2.2", 53, "10.0.1.2", 1000)
        objects = self.replay([(SECOND, 0, ask), (SECOND + 29, 999999, answer),
                               (SECOND + 59, 999999, answer)])
        self.assertEqual([o["ct"]["state"] for o in objects], ["new", "established", "new"])

    def test_time_that_goes_back_harms_nothing(self):
        ask = udp("10.0.1.2", 1000, "10.0.2.2", 53)
        answer = udp("10.0.2.2", 53, "10.0.1.2", 1000)
        objects = self.replay([(SECOND, 5, ask), (5, 0, answer), (SECOND, 6, ask), (0, 1, answer)])
        self.assertEqual([o["ct"]["state"] for o in objects], ["new"] + ["established"] * 3)
        self.assertEqual([o["time"] for o in objects],
                         ["1700000000.000005", "5.000000", "1700000000.000006", "0.000001"])
        self.assertEqual({o["flow"]["timeout"] for o in objects}, {30})

    def test_nanoseconds_are_cut(self):
        p = udp("10.0.1.2", 1000, "10.0.2.2", 53)
        o, = self.replay(pcap_head(magic=0xA1B23C4D) + record(p, SECOND, 999999999))
        self.assertEqual(o["time"], "1700000000.999999")

    # ---- captures

    def test_captures_of_either_byte_order_are_read(self):
        p = udp("10.0.1.2", 1000, "10.0.2.2", 53)
        o, = self.replay(pcap_head(order=">") + record(p, order=">"))
        self.assertEqual((o["time"], o["verdict"]), ("1700000000.000100", "accept"))

    def test_ethernet_frames_are_unwrapped_and_others_skipped(self):
        p = udp("10.0.1.2", 1000, "10.0.2.2", 53)
        macs = bytes(12)
        objects = self.replay([macs + b"\x08\x06" + bytes(28), macs + b"\x08\x00" + p + bytes(10),
                               macs + b"\x81\x00\x00\x05\x08\x00" + p, bytes(3)], link=ETHERNET)
        self.assertEqual([(o["packet"], o["verdict"]) for o in objects], [(2, "accept"), (3, "accept")])
        self.assertRegex(self.errors, "2 frames without an IP packet skipped")

    def test_a_packet_cut_by_the_snap_length_is_malformed(self):
        p = udp("10.0.1.2", 1000, "10.0.2.2", 53, b"x" * 100)
        o, = self.replay(pcap_head() + record(p[:60], length=len(p)))
        self.assertEqual((o["verdict"], o["by"]), ("drop", "bad-total-length"))

    def test_standard_input_is_a_capture(self):
        done = self.run_words("-r", self.rules, "--json", "-", input=pcap(handshake()))
        self.assertEqual(done.returncode, 0)
        self.assertEqual(len(done.stdout.splitlines()), 3)

    def test_a_broken_capture_ends_with_an_error_behind_its_good_packets(self):
        good = pcap(handshake())
        p = udp("10.0.1.2", 1000, "10.0.2.2", 53)
        for bad in (record(p)[:7], record(p)[:-1], bytes(16), b"\xff" * 64,
                    struct.pack("<IIII", SECOND, 0, 0x7FFFFFFF, 0x7FFFFFFF)):
            objects = self.replay(good + bad, status=1)
            self.assertEqual(len(objects), 3)
            self.assertRegex(self.errors, r"^ctfwctl: .*in\.pcap: damaged behind packet 3: \S")
            self.assertEqual(self.errors.count("\n"), 1)

    def test_what_is_no_capture_is_refused(self):
        for name, content in (("empty", b""), ("text", b"hello, world\n" * 9), ("head", pcap_head()[:11]),
                              ("zeroes", bytes(999)), ("link", pcap_head(147))):
            self.refused("-r", self.rules, self.file(name, content), says=f"^ctfwctl: .*{name}: ")
        self.refused("-r", self.rules, self.path("missing"), says="missing: No such file or directory")
        self.refused("-r", self.rules, self.dir, says="Is a directory")
        self.refused("-r", self.rules, "/dev/zero", says="^ctfwctl: /dev/zero: not a capture")

    def test_an_endless_capture_of_zeroes_ends(self):
        with subprocess.Popen(["cat", self.file("good", pcap(handshake())), "/dev/zero"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as cat:
            done = self.run_words("-r", self.rules, "--json", "-", stdin=cat.stdout)
            cat.stdout.close()
            cat.kill()
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stdout.splitlines()), 3)
        self.assertRegex(done.stderr.decode(), "standard input: damaged behind packet 3")

    def test_a_growing_capture_is_told_line_by_line(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        out = self.path("out.pcap")
        with subprocess.Popen([CTFWCTL, "replay", "-r", self.rules, "--json", "-w", out, fifo],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            # For reading too: that blocks neither now nor when the child is gone.
            with os.fdopen(os.open(fifo, os.O_RDWR), "wb", buffering=0) as f:
                f.write(pcap_head())
                for i, p in enumerate(handshake()):
                    f.write(record(p))
                    self.assertEqual(json.loads(child.stdout.readline())["packet"], i + 1)
                    # The packet is written behind its line.
                    size = 24 + sum(16 + len(q) for q in handshake()[:i + 1])
                    for _ in range(100):
                        if os.path.getsize(out) == size:
                            break
                        time.sleep(0.05)
                    self.assertEqual(len(read_pcap(out)[2]), i + 1)
                f.write(record(p)[:-3])
            errors = child.stderr.read().decode()
        self.assertEqual(child.returncode, 1)
        self.assertRegex(errors, "damaged behind packet 3: truncated")

    # ---- what is written

    def test_what_is_emitted_is_written_under_the_packets_time(self):
        out = self.path("out.pcap")
        packets = [(SECOND, 7, handshake()[0]), (SECOND + 1, 8, udp("10.0.1.2", 1, "10.0.2.2", 99)),
                   (SECOND + 2, 999999, tcp("10.0.1.2", 1000, "10.0.2.2", 22, "S", 77)),
                   (SECOND + 3, 1, udp("10.0.1.2", 1, "10.0.2.2", 54)),
                   (SECOND + 4, 2, handshake()[1] + b"padding")]
        self.replay(packets, "-w", out, "--local", "10.0.1.1@wg0", "--route", "10.0.1.0/24=wg0")
        magic, link, written = read_pcap(out)
        self.assertEqual((magic, link), (0xA1B2C3D4, RAW))
        self.assertEqual([w[:2] for w in written],
                         [(SECOND, 7), (SECOND + 2, 999999), (SECOND + 3, 1), (SECOND + 4, 2)])
        self.assertEqual(written[0][2], handshake()[0])
        self.assertEqual(written[3][2], handshake()[1])
        reset = written[1][2]
        self.assertEqual((reset[9], reset[12:16], reset[16:20]),
                         (6, socket.inet_aton("10.0.2.2"), socket.inet_aton("10.0.1.2")))
        self.assertEqual(struct.unpack("!HHII", reset[20:32]), (22, 1000, 0, 78))
        self.assertEqual(reset[33], 0x14)
        error = written[2][2]
        self.assertEqual((error[9], error[20], error[21]), (1, 3, 3))
        self.assertEqual(error[12:16], socket.inet_aton("10.0.1.1"))
        for packet in (reset, error):
            self.assertEqual(checksum(packet[:20]), 0)
        self.assertEqual(checksum(error[20:]), 0)

    def test_what_nat_rewrites_is_written_with_right_checksums(self):
        with open(self.rules, "w", encoding="ascii") as f:
            f.write("table ip nat {\n\tchain post {\n"
                    "\t\ttype nat hook postrouting priority srcnat;\n"
                    "\t\toifname \"eth0\" meta l4proto { tcp, udp } masquerade to :5000-5000\n"
                    "\t\toifname \"eth0\" masquerade\n\t}\n}\n")
        echo = struct.pack("!BBHHH", 8, 0, 0, 7, 1) + b"odd"
        echo = echo[:2] + struct.pack("!H", checksum(echo)) + echo[4:]
        sent = [tcp("10.0.1.2", 1000, "192.0.2.9", 80, "S", 100),
                udp("10.0.1.2", 1000, "192.0.2.9", 53, b"question"),
                ip4("10.0.1.2", "192.0.2.9", 1, echo)]
        answers = [tcp("192.0.2.9", 80, "192.0.2.1", 5000, "SA", 500, 101),
                   udp("192.0.2.9", 53, "192.0.2.1", 5000, b"answer")]
        # What the router says of the question as it came to it.
        quoted = udp("192.0.2.1", 5000, "192.0.2.9", 53, b"question")
        error = struct.pack("!BBHI", 3, 1, 0, 0) + quoted
        error = error[:2] + struct.pack("!H", checksum(error)) + error[4:]
        out = self.path("out.pcap")
        self.replay(sent + answers + [ip4("192.0.2.254", "192.0.2.1", 1, error)], "-w", out,
                    "--local", "198.51.100.1/24@eth0", "--local", "192.0.2.1/24@eth0",
                    "--route", "10.0.1.0/24=wg0", "--route", "192.0.2.0/24=eth0")
        written = [w[2] for w in read_pcap(out)[2]]
        told = struct.pack("!BBHI", 3, 1, 0, 0) + sent[1]
        told = told[:2] + struct.pack("!H", checksum(told)) + told[4:]
        self.assertEqual(written, [
            tcp("192.0.2.1", 5000, "192.0.2.9", 80, "S", 100),
            quoted,
            ip4("192.0.2.1", "192.0.2.9", 1, echo),
            tcp("192.0.2.9", 80, "10.0.1.2", 1000, "SA", 500, 101),
            udp("192.0.2.9", 53, "10.0.1.2", 1000, b"answer"),
            ip4("192.0.2.254", "10.0.1.2", 1, told)])

    def test_fragments_wait_and_are_written_under_the_time_of_the_last(self):
        pieces = fragments(udp("10.0.1.2", 1000, "10.0.2.2", 53, bytes(range(256)) * 4), 400)
        lines = self.replay(pieces[::-1], "-w", self.path("out.pcap"))
        self.assertEqual([o["verdict"] for o in lines], ["hold", "hold", "accept"])
        self.assertEqual([o["by"] for o in lines], ["fragment", "fragment", "rule"])
        self.assertEqual([o["hook"] for o in lines], ["forward"] * 3)
        self.assertEqual(lines[2]["ct"]["state"], "new")
        self.assertNotIn("flow", lines[0])
        self.assertEqual(read_pcap(self.path("out.pcap"))[2],
                         [(SECOND, 2100, piece) for piece in pieces])
        done = self.run_words("-r", self.rules, self.path("in.pcap"))
        self.assertRegex(done.stdout.decode().splitlines()[0], r"forward .* hold +fragment$")

    def test_fragments_wait_as_long_as_the_configuration_says(self):
        first, last = fragments(udp("10.0.1.2", 1000, "10.0.2.2", 53, b"x" * 500), 400)
        late = [first, (SECOND + 5, 0, last)]
        self.assertEqual([o["verdict"] for o in self.replay(late)], ["hold", "accept"])
        config = self.file("c", "[daemon]\nruleset = /\n[fragments]\ntimeout = 5\n")
        self.assertEqual([o["verdict"] for o in self.replay(late, "--config", config)],
                         ["hold", "accept"])
        late[1] = (SECOND + 6, 0, last)
        self.assertEqual([o["verdict"] for o in self.replay(late, "--config", config)],
                         ["hold", "hold"])

    def test_nanoseconds_are_written_as_such(self):
        out = self.path("out.pcap")
        p = udp("10.0.1.2", 1000, "10.0.2.2", 53)
        self.replay(pcap_head(magic=0xA1B23C4D) + record(p, SECOND, 123456789), "-w", out)
        magic, _, written = read_pcap(out)
        self.assertEqual((magic, written), (0xA1B23C4D, [(SECOND, 123456789, p)]))

    def test_a_capture_that_emits_nothing_is_a_capture(self):
        out = self.path("out.pcap")
        self.replay([], "-w", out)
        self.assertEqual(read_pcap(out), (0xA1B2C3D4, RAW, []))

    def test_the_capture_is_not_overwritten_while_it_is_read(self):
        capture = self.file("in.pcap", pcap(handshake()))
        self.refused("-r", self.rules, "-w", capture, capture, says="is the capture that is being read")
        with open(capture, "rb") as f:
            self.assertEqual(f.read(), pcap(handshake()))

    def test_what_cannot_be_written_is_told(self):
        capture = self.file("in.pcap", pcap(handshake()))
        self.refused("-r", self.rules, "-w", self.path("no/where"), capture,
                     says="no/where: No such file or directory")
        self.refused("-r", self.rules, "-w", "/dev/full", capture,
                     says="^ctfwctl: /dev/full: No space left on device")
        self.refused("-r", self.rules, "-w", "-", capture, says="-w wants a file")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([CTFWCTL, "replay", "-r", self.rules, capture], stdout=full,
                                  stderr=subprocess.PIPE, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr.decode(), "No space left on device")

    # ---- the table at the end

    def test_flows_at_the_end_read_as_conntrack_prints_them(self):
        packets = handshake() + [(SECOND + 5, 0, udp("10.0.1.2", 1000, "10.0.2.2", 53))]
        self.replay(packets, "--flows")
        self.assertEqual(sorted(self.rest), [
            "tcp      6 431995 ESTABLISHED src=10.0.1.2 dst=10.0.2.2 sport=1000 dport=80 "
            "src=10.0.2.2 dst=10.0.1.2 sport=80 dport=1000 [ASSURED] mark=0 use=1",
            "udp      17 30 src=10.0.1.2 dst=10.0.2.2 sport=1000 dport=53 [UNREPLIED] "
            "src=10.0.2.2 dst=10.0.1.2 sport=53 dport=1000 mark=0 use=1"])

    def test_expired_flows_are_not_shown(self):
        ask = udp("10.0.1.2", 1000, "10.0.2.2", 53)
        self.replay([(SECOND, 0, ask), (SECOND + 31, 0, handshake()[0])], "--flows")
        self.assertEqual([l.split()[0] for l in self.rest], ["tcp"])

    def test_the_flows_of_the_good_packets_are_shown_before_the_error(self):
        self.replay(pcap(handshake()) + b"\xff" * 64, "--flows", status=1)
        self.assertEqual(len(self.rest), 1)

    # ---- rules and configuration

    def test_a_wrong_ruleset_is_shown_with_line_and_carets(self):
        rules = self.file("bad.nft", RULES.replace("established", "establish"))
        done = self.refused("-r", rules, self.file("in.pcap", pcap(handshake())), says="establish")
        lines = done.stderr.decode().splitlines()
        self.assertRegex(lines[0], r"^\S*bad\.nft:4:12(-\d+)?: ")
        self.assertIn("ct state establish,related accept", lines[1])
        self.assertEqual(lines[2].index("^"), lines[1].index("establish"))
        self.assertEqual(lines[2].strip(), "^" * len("establish"))
        self.assertEqual(done.stdout, b"")

    def test_a_ruleset_that_cannot_be_read_is_told(self):
        capture = self.file("in.pcap", pcap([]))
        self.refused("-r", self.path("missing.nft"), capture,
                     says=r"^ctfwctl: .*missing\.nft: No such file or directory")
        self.refused("-r", self.dir, capture, says="Is a directory")

    def test_included_files_are_read(self):
        self.file("part.nft", "add rule ip t f udp dport 53 accept\n")
        rules = self.file("main.nft", "add table ip t\nadd chain ip t f { type filter hook forward "
                          'priority 0; policy drop; }\ninclude "' + self.path("part.nft") + '"\n')
        o, = self.replay([udp("10.0.1.2", 1000, "10.0.2.2", 53)], rules=rules)
        self.assertEqual((o["verdict"], o["by"]), ("accept", "rule"))
        self.refused("-r", self.file("x.nft", 'include "./missing.nft"\n'), self.path("in.pcap"),
                     says=r"x\.nft:1:")

    def test_the_configuration_counts(self):
        config = self.file("c.conf", "[conntrack]\ntcp-loose = yes\nudp-timeout = 7\nmax-flows = 64\n")
        ask = udp("10.0.1.2", 1000, "10.0.2.2", 53)
        rules = self.file("all.nft", "table ip a {\n}\n")
        loose, udp7 = self.replay([tcp("10.0.1.2", 1000, "10.0.2.2", 80, "A"), ask],
                                  "--config", config, rules=rules)
        self.assertEqual((loose["ct"]["state"], udp7["flow"]["timeout"]), ("new", 7))
        strict, _ = self.replay([tcp("10.0.1.2", 1000, "10.0.2.2", 80, "A"), ask], rules=rules)
        self.assertEqual(strict["ct"]["state"], "invalid")

    def test_a_helper_of_the_configuration_makes_related(self):
        config = self.file("c.conf", "[conntrack]\nhelpers = tftp\n")
        rules = self.file("all.nft", "table ip a {\n}\n")
        packets = [udp("10.0.1.2", 1000, "10.0.2.2", 69, b"\0\1file\0octet\0"),
                   udp("10.0.2.2", 4000, "10.0.1.2", 1000, b"\0\3\0\1x")]
        request, answer = self.replay(packets, "--config", config, rules=rules)
        self.assertEqual(request["flow"]["status"], ["confirmed", "helper"])
        self.assertEqual(answer["ct"]["state"], "related")
        self.assertEqual(answer["flow"]["status"], ["expected", "confirmed"])
        _, answer = self.replay(packets, rules=rules)
        self.assertEqual(answer["ct"]["state"], "new")

    def test_a_wrong_configuration_is_shown_with_its_line(self):
        capture = self.file("in.pcap", pcap([]))
        for text in ("[conntrack]\nudp-timeout = soon\n", "[conntrack]\nudp-timeuot = 7\n",
                     "[colours]\nred = yes\n", "[conntrack]\nmax-flows = 0\n"):
            self.refused("-r", self.rules, "--config", self.file("c.conf", text), capture,
                         says=r"c\.conf:[12]\b")
        self.refused("-r", self.rules, "--config", self.path("missing"), capture,
                     says="missing.*No such file")

    def test_a_full_table_drops_by_that_reason(self):
        config = self.file("c.conf", "[conntrack]\nmax-flows = 1\n")
        second = [tcp("10.0.1.3", 1000, "10.0.2.2", 80, "S")]
        objects = self.replay(handshake() + second, "--config", config)
        self.assertEqual((objects[3]["verdict"], objects[3]["by"]), ("drop", "table-full"))
        self.assertNotIn("flow", objects[3])

    def test_the_same_seed_makes_the_same_choices(self):
        config = self.file("c.conf", "[conntrack]\nmax-flows = 8\n")
        packets = [udp("10.0.1.2", 1000 + i, "10.0.2.2", 53) for i in range(64)]
        runs = []
        for _ in range(2):
            objects = self.replay(packets, "--config", config, "--seed", "7", "--flows")
            runs.append((objects, self.rest))
        self.assertEqual(runs[0], runs[1])
        capture = self.path("in.pcap")
        for seed in ("x", "-1", "", "1 ", "99999999999999999999"):
            self.refused("-r", self.rules, "--seed", seed, capture, says="^ctfwctl: --seed: ")

    def test_log_statements_go_to_standard_error(self):
        rules = self.file("log.nft", 'table ip t {\n\tchain f {\n\t\ttype filter hook forward priority 0; '
                          'policy accept;\n\t\tlog prefix "seen: "\n\t}\n}\n')
        self.replay([udp("10.0.1.2", 1000, "10.0.2.2", 53)] * 300, rules=rules)
        lines = self.errors.splitlines()
        self.assertEqual(len(lines), 300)
        self.assertRegex(lines[0], "^seen: IN= OUT= SRC=10.0.1.2 DST=10.0.2.2 LEN=29 .*PROTO=UDP "
                                   "SPT=1000 DPT=53")

    # ---- for people, and usage

    def test_text_has_a_line_a_packet_with_columns(self):
        packets = handshake() + [udp("10.0.1.2", 1, "10.0.2.2", 99), b"\x55"]
        done = self.run_words("-r", self.rules, self.file("in.pcap", pcap(packets)))
        lines = done.stdout.decode().splitlines()
        self.assertEqual(len(lines), 5)
        self.assertRegex(lines[0], r"^ +1  1700000000\.000100  tcp 10\.0\.1\.2:1000 > 10\.0\.2\.2:80 S "
                                   r"+forward +new/original +accept  rule ip filter forward handle 4$")
        self.assertRegex(lines[3], r"udp .* drop    policy ip filter forward$")
        self.assertRegex(lines[4], r"1 bytes? .* drop    bad-version$")
        self.assertEqual(len({re.search(r"(accept|drop)  ", l).start() for l in lines}), 1)

    def test_usage_errors_say_what_is_wanted(self):
        capture = self.file("in.pcap", pcap([]))
        self.refused(capture, says="-r FILE")
        self.refused("-r", self.rules, says="which capture")
        self.refused("-r", self.rules, capture, capture, says="one capture")
        self.refused("-r", self.rules, "--colour", capture, says="--colour")
        self.refused("-r", says="argument")
        self.refused("-r", "-", "-", says="cannot both be standard input")

    def test_help_names_every_option(self):
        done = self.run_words("--help")
        self.assertEqual(done.returncode, 0)
        for word in ("-r", "--json", "--local", "--route", "--config", "--seed", "-w", "--flows"):
            self.assertIn(word, done.stdout.decode())

    def test_it_asks_for_no_daemon(self):
        env = {**os.environ, "CTFW_SOCKET": self.path("no-socket")}
        done = self.run_words("-r", self.rules, self.file("in.pcap", pcap(handshake())), env=env)
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    CTFWCTL = os.path.abspath(sys.argv.pop(1))
    unittest.main()
