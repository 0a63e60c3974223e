"""Answers each question once it is told to, by a line of its input."""

import socket
import sys

listening = socket.create_server(("", 9000))
print("ready", flush=True)
connections = []
for _ in range(2):
    connection, _ = listening.accept()
    connection.recv(100)
    connections.append(connection)
    print("asked", flush=True)
sys.stdin.readline()
for connection in connections:
    try:
        connection.sendall(b"late")
    except OSError:
        pass
print("answered", flush=True)
sys.stdin.read()
