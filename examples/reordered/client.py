"""Sends each line of its input over one connection, from a port that is given."""

import socket
import sys

host, port = sys.argv[1], int(sys.argv[2])
with socket.create_connection((host, 7000), source_address=("", port)) as connection:
    print("connected", flush=True)
    for line in sys.stdin:
        connection.sendall(line.encode())
        print(f"sent {line.strip()}", flush=True)
