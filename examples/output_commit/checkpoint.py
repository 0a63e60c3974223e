"""Copies the service's state to the backup, and ends when that has acknowledged it: checkpoint.py BACKUP."""

import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as question:
    question.connect(("127.0.0.1", 9001))
    question.send(b"?")
    state = int(question.recv(16))

with socket.create_connection((sys.argv[1], 7000)) as backup:
    backup.sendall(b"save %d\n" % state)
    print(f"state {state}: {backup.makefile().readline().strip()}")
