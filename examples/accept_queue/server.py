"""A server that accepts nothing until it is told to, and has room for two connections meanwhile."""

import contextlib
import socket
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

with socket.create_server(("", 8080), backlog=1) as listener:
    print("ready", flush=True)
    sys.stdin.readline()
    while True:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(ANSWER)
