#!/usr/bin/env python3
"""stop_thread.py - one thread of a process hangs: TID SECONDS.

A signal would stop all of them.  By ptrace(2) this one alone is stopped, until it is killed or
the time is over."""
import ctypes
import os
import signal
import sys

PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
tid = int(sys.argv[1])
signal.alarm(int(sys.argv[2]))
for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
    if libc.ptrace(request, tid, None, None) < 0:
        sys.exit(f"ptrace: errno {ctypes.get_errno()}")
# Its stop, and its death: a parent hears of that only once we have.
while os.WIFSTOPPED(os.waitpid(tid, WALL)[1]):
    pass
