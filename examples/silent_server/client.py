"""Asks, and waits for the answer; with a time in milliseconds, for so long without an acknowledgement or a sign of life."""

import socket
import sys

host, patience_ms = sys.argv[1], int(sys.argv[2])
connection = socket.create_connection((host, 9000))
if patience_ms:
    seconds = patience_ms // 1000
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, seconds)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, seconds)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience_ms)
print("connected", flush=True)
try:
    connection.sendall(b"question")
    print("asked", flush=True)
    print(f"answer: {connection.recv(100).decode()}", flush=True)
except OSError as error:
    print(f"error: {type(error).__name__}", flush=True)
