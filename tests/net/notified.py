#!/usr/bin/env python3
"""notified.py - takes what sd_notify(3) says at the socket PATH: a line a message."""
import os
import socket
import sys

sink = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sink.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
while True:
    print(repr(sink.recv(1 << 16)), flush=True)
