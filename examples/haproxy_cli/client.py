"""Asks HAProxy's command line for a map, reads a little, and the rest once it is told to. It says how much that was."""

import socket
import sys

LINES = 100_000

with socket.socket() as connection:
    # Little fits in: HAProxy writes as it is read
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    connection.connect(("10.0.0.2", 9999))
    connection.sendall(b"show map /tmp/haproxy.map\n")
    text = connection.recv(1024)
    print("begun", flush=True)
    sys.stdin.readline()
    try:
        while more := connection.recv(65536):
            text += more
    except ConnectionResetError:
        pass
count = text.count(b" place\n")
print(f"all of it" if count == LINES else f"cut behind {count} lines", flush=True)
