#!/usr/bin/env python3
"""noted.py - a socket before the daemon's, for one client; what the client notes of a save is met.

    noted.py SOCKET DAEMON edit FILE          FILE is edited, and the note handed on
    noted.py SOCKET DAEMON refuse WORD ERROR  a note with WORD in it is answered with ERROR

Prints the notes.
"""
import selectors
import socket
import sys


def edit(_, file):
    with open(file, "a") as rules:
        rules.write("table ip edited { }\n")


def refuse(note, word, error):
    return error if word in note else None


def main():
    meet, arguments = {"edit": edit, "refuse": refuse}[sys.argv[3]], sys.argv[4:]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen()
    client = listener.accept()[0]
    daemon = socket.socket(socket.AF_UNIX)
    daemon.connect(sys.argv[2])
    wait = selectors.DefaultSelector()
    wait.register(client, selectors.EVENT_READ, daemon)
    wait.register(daemon, selectors.EVENT_READ, client)
    while True:
        for key, _ in wait.select():
            data = key.fileobj.recv(65536)
            if not data:
                return
            if key.fileobj is client and b"org.ctfw.NoteSaved" in data:
                note = data.rstrip(b"\0").decode()
                print(note, flush=True)
                answer = meet(note, *arguments)
                if answer:
                    client.sendall(answer.encode() + b"\0")
                    continue
            key.data.sendall(data)


main()
