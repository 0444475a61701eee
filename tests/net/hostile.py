#!/usr/bin/env python3
"""hostile.py - clients of the control socket that mean no good.

    hostile.py SOCKET MODE [SECONDS]

Modes: crowd (a thousand connections), half (as many half messages), silent (streams and
listings that are never read), garbage (bytes of all kinds), deep (nested JSON), huge (a
message without end), hangup (calls whose caller goes at once).  Each goes on for SECONDS,
then lets go; it prints "at it" once it has begun and ends with status 0.
"""
import os
import random
import resource
import socket
import sys
import time

PATH, MODE = sys.argv[1:3]
END = time.monotonic() + float(sys.argv[3] if len(sys.argv) > 3 else 3)
RANDOM = random.Random(1)
LIST = b'{"method":"org.ctfw.ListFlows","more":true}\0'
RULES = b'{"method":"org.ctfw.Apply","parameters":{"source":{"name":"x","text":"list ruleset"}}}\0'
STATUS = b'{"method":"org.ctfw.Status"}\0'


def dial():
    """Waits while the daemon's backlog is full."""
    s = socket.socket(socket.AF_UNIX)
    s.connect(PATH)
    return s


def send(s, data):
    """All of it, if the daemon takes it: it may let go of us, or stop reading."""
    try:
        s.settimeout(0.2)
        s.sendall(data)
        return True
    except OSError:
        return False


def begun():
    print("at it", flush=True)


def hold(first):
    kept = []
    for _ in range(1000):
        kept.append(dial())
        send(kept[-1], first)
    begun()
    time.sleep(max(0, END - time.monotonic()))


def again(act):
    act()
    begun()
    while time.monotonic() < END:
        act()


def silent():
    kept = []
    for _ in range(100):
        kept.append(dial())
        for _ in range(50):
            send(kept[-1], LIST + RULES + STATUS)
    begun()
    time.sleep(max(0, END - time.monotonic()))


def garbage():
    with dial() as s:
        send(s, RANDOM.randbytes(RANDOM.randrange(1, 100000)))
    with dial() as s:
        message = bytearray(RANDOM.choice([LIST, RULES, STATUS]))
        for _ in range(RANDOM.randrange(1, 5)):
            message[RANDOM.randrange(len(message))] = RANDOM.randrange(256)
        send(s, message * 3)


def deep():
    for opening in b'[', b'{"a":':
        with dial() as s:
            send(s, b'{"method":"org.ctfw.Status","parameters":' + opening * 10000 + b"\0")


def huge():
    """At most as much as root may say at once, and a byte more."""
    with dial() as s:
        for _ in range(65):
            if not send(s, b" " * (1 << 20)) or time.monotonic() > END:
                break


def hangup():
    s = dial()
    send(s, RANDOM.choice([LIST, RULES, STATUS, LIST[:20]]))
    s.close()


limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, limit), limit))
{
    "crowd": lambda: hold(b""),
    "half": lambda: hold(b'{"method":'),
    "silent": silent,
    "garbage": lambda: again(garbage),
    "deep": lambda: again(deep),
    "huge": lambda: again(huge),
    "hangup": lambda: again(hangup),
}[MODE]()
