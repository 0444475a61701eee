#!/usr/bin/env python3
"""hostile_filter.py - speaks to the keeper in the place of a filter, as one that was taken over.

    hostile_filter.py FILTER_PID MODE [SECONDS]

Takes the filter's end of the channel (pidfd_getfd(2)) and says through it what MODE tells:
heartbeats (each with another status line), ready (again and again), failed (while it filters),
reloaded (though nobody asked), nonsense (a kind that there is not), short (half a message),
arena (a file of ours as the arena), descriptor (where none belongs).  The kinds are those of
daemon/host/channel.h.  What was said is printed as a number; status 0 also when the keeper stops
listening.

MODE swallow says nothing: from then on the filter hears of no reload (a socket filter drops the
message), and goes on as if nothing had been.
"""
import array
import ctypes
import os
import socket
import struct
import sys
import tempfile
import time

PIDFD_GETFD = 438
READY, FAILED, HEARTBEAT, RELOADED, ARENA, NO_KIND = 1, 2, 4, 6, 7, 1000
RELOAD, RELOAD_LAST = 8, 9
SO_ATTACH_FILTER = 26


def take(pid):
    libc = ctypes.CDLL(None, use_errno=True)
    process = os.pidfd_open(pid)
    for name in os.listdir(f"/proc/{pid}/fd"):
        if not os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
            continue
        fd = libc.syscall(PIDFD_GETFD, process, int(name), 0)
        if fd < 0:
            sys.exit(f"pidfd_getfd: {os.strerror(ctypes.get_errno())}")
        s = socket.socket(fileno=fd)
        if s.family == socket.AF_UNIX and s.type & 0xf == socket.SOCK_SEQPACKET:
            return s
    sys.exit("the filter has no channel")


def message(kind, text=b"", err=0):
    return struct.pack("=Ii", kind, err) + text


def say(channel, data, fd=None):
    """False: the keeper takes no more at present."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd else []
    try:
        channel.sendmsg([data], rights, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    return True


def swallow(channel):
    def loaded(kind):  # a word, as classic BPF has it
        return int.from_bytes(struct.pack("=I", kind), "big")

    program = b"".join(struct.pack("=HBBI", *step) for step in (
        (0x20, 0, 0, 0),                    # load the kind
        (0x15, 1, 0, loaded(RELOAD)),       # equal: to the last
        (0x15, 0, 1, loaded(RELOAD_LAST)),  # not equal: pass by the last
        (0x06, 0, 0, 0),                    # nothing of it
        (0x06, 0, 0, 0x7fffffff)))          # all of it
    steps = ctypes.create_string_buffer(program)
    channel.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                       struct.pack("@HP", len(program) // 8, ctypes.addressof(steps)))


def main():
    channel, mode = take(int(sys.argv[1])), sys.argv[2]
    if mode == "swallow":
        swallow(channel)
        return
    end = time.monotonic() + float(sys.argv[3] if len(sys.argv) > 3 else 0)
    said = 0
    with tempfile.TemporaryFile() as ours:
        try:
            while said == 0 or time.monotonic() < end:
                said += {
                    "heartbeats": lambda: say(channel, message(HEARTBEAT, b"line %d" % said)),
                    "ready": lambda: say(channel, message(READY)),
                    "failed": lambda: say(channel, message(FAILED, b"lies")),
                    "reloaded": lambda: say(channel, message(RELOADED, b"lies")),
                    "nonsense": lambda: say(channel, message(NO_KIND)),
                    "short": lambda: say(channel, b"abc"),
                    "arena": lambda: say(channel, message(ARENA), ours.fileno()),
                    "descriptor": lambda: say(channel, message(HEARTBEAT), ours.fileno()),
                }[mode]()
        except (BrokenPipeError, ConnectionResetError):
            pass
    print(said)


main()
