#!/usr/bin/env python3
"""notified.py - takes what sd_notify(3) says at the socket PATH: a line a message,
behind the time in seconds."""
import os
import socket
import sys
import time

sink = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sink.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
while True:
    said = sink.recv(1 << 16)
    print(f"{time.monotonic():.3f}", repr(said), flush=True)
