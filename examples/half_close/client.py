"""Sends 1000 bytes, shuts its side, and prints what the other side says to that: client.py ADDRESS PORT."""

import socket
import sys

with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    connection.sendall(b"x" * 1000)
    connection.shutdown(socket.SHUT_WR)
    print("all said", flush=True)
    print(connection.makefile().read())
