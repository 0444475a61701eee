#!/usr/bin/python3
"""outage.py ROUNDS WORK HOST CLIENT ADDRESS CTFWD - how long nothing passes when processes die.

HOST and CLIENT are network namespaces; WORK has ctfwd.conf and run/.  In the client a stream of
small datagrams, one a millisecond, goes to ADDRESS, port 7, where they are sent back.  What is
measured is what it sees:

    filter  from SIGKILL of the filter to the first answer behind the pause; and how many of the
            datagrams got none
    start   from the exec of ctfwd, after SIGKILL of keeper and filter, to READY=1, which says
            that it filters, and to the first answer
"""
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time

ROUNDS, WORK, HOST, CLIENT, ADDRESS, CTFWD = int(sys.argv[1]), *sys.argv[2:]
LIMIT = {"filter": 50, "ready": 200}  # ms

STREAM = """
import select, socket, struct, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], 7))
s.setblocking(False)
out = open(sys.argv[2], "w", buffering=1)
sent, due = 0, time.monotonic()
while True:
    now = time.monotonic()
    if now >= due:
        try:
            s.send(struct.pack("!Qd", sent, now))
        except OSError:
            pass
        print("s", sent, now, file=out)
        sent += 1
        due += 0.001
    if select.select([s], [], [], max(0, due - time.monotonic()))[0]:
        try:
            number, _ = struct.unpack("!Qd", s.recv(200)[-16:])
            print("r", number, time.monotonic(), file=out)
        except OSError:
            pass
"""


def start_stream(log):
    return subprocess.Popen(["ip", "netns", "exec", CLIENT, "python3", "-c", STREAM, ADDRESS,
                             log])


def read_stream(log):
    sent, answered = {}, []
    with open(log, encoding="ascii") as lines:
        for line in lines:
            kind, number, at = line.split()
            if kind == "s":
                sent[int(number)] = float(at)
            else:
                answered.append((float(at), int(number)))
    return sent, answered


def status():
    out = subprocess.run([os.path.dirname(CTFWD) + "/ctfwctl", "--socket",
                          WORK + "/run/ctfwd.sock", "status", "-j"], capture_output=True,
                         check=False).stdout
    return json.loads(out) if out else None


class Daemon:
    """A ctfwd, which says when it filters."""
    def __init__(self):
        path = WORK + "/notify"
        if os.path.exists(path):
            os.unlink(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        os.chmod(path, 0o777)
        self.begun = time.monotonic()
        with open(WORK + "/daemon.log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", HOST, CTFWD, "-c", WORK + "/ctfwd.conf"], stderr=log,
                env=dict(os.environ, NOTIFY_SOCKET=path))
        self.socket.settimeout(30)
        while b"READY=1" not in self.socket.recv(4096):
            pass
        self.ready = time.monotonic()
        subprocess.run([WORK + "/routes"], check=True)

    def kill_all(self):
        keeper, pid = status()["keeper_pid"], status()["filter_pid"]
        os.kill(keeper, signal.SIGKILL)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.socket.close()


def first_answer(answered, since):
    """Behind the longest pause within three seconds."""
    times = [at for at, _ in answered if since - 0.05 <= at <= since + 3]
    pauses = [(b - a, b) for a, b in zip(times, times[1:]) if b > since]
    return max(pauses)[1] - since if pauses else float("inf")


def kill_filter():
    """Milliseconds, and datagrams without an answer."""
    log, before = WORK + "/stream", status()["filter_pid"]
    stream = start_stream(log)
    time.sleep(0.5)
    killed = time.monotonic()
    os.kill(before, signal.SIGKILL)
    time.sleep(0.7)
    stream.kill()
    stream.wait()
    sent, answered = read_stream(log)
    assert status()["filter_pid"] != before
    got = {number for _, number in answered}
    lost = sum(number not in got for number, at in sent.items() if at < killed + 0.5)
    return first_answer(answered, killed) * 1000, lost


def start_again(daemon):
    log = WORK + "/stream"
    stream = start_stream(log)
    time.sleep(0.3)
    daemon.kill_all()
    daemon = Daemon()
    time.sleep(0.3)
    stream.kill()
    stream.wait()
    answer = first_answer(read_stream(log)[1], daemon.begun)
    return daemon, (daemon.ready - daemon.begun) * 1000, answer * 1000


def tell(what, values, limit=None):
    print("  %-34s median %6.1f ms, worst %6.1f ms%s" % (
        what, statistics.median(values), max(values),
        "  (at most %d)%s" % (limit, "" if max(values) <= limit else "  MISSED")
        if limit else ""))


daemon = Daemon()
subprocess.run(sys.stdin.readline().split(), check=True, stdin=subprocess.DEVNULL,
               stdout=subprocess.DEVNULL)
print("  %d flows, %d rules" % (status()["flows"]["now"], status()["ruleset"]["rules"]))
deaths, lost, ready, answers = [], [], [], []
for _ in range(ROUNDS):
    # Once each: who dies again and again is started less eagerly.
    ms, n = kill_filter()
    deaths.append(ms)
    lost.append(n)
    daemon, at, ms = start_again(daemon)
    ready.append(at)
    answers.append(ms)
print("  %d flows in the end" % status()["flows"]["now"])
daemon.kill_all()
tell("filter killed, to the next answer", deaths, LIMIT["filter"])
print("  %-34s %d of all" % ("datagrams without an answer", sum(lost)))
tell("exec of ctfwd, to filtering", ready, LIMIT["ready"])
tell("exec of ctfwd, to the next answer", answers)
