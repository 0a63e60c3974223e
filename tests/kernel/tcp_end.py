"""One end of a TCP transfer, as a program:

- `tcp_end.py receive ADDRESS PORT` says `listening` when it is, then accepts one connection;
- `tcp_end.py send ADDRESS PORT BYTES` connects, and sends random bytes.

When the connection ends, either writes the count and the SHA-256 of its bytes as a line of JSON.
"""

import hashlib
import json
import os
import socket
import sys

CHUNK_BYTES = 64 * 1024


def received(address):
    with socket.create_server(address, family=family_of(address)) as listener:
        print("listening", flush=True)
        connection, _ = listener.accept()
    with connection:
        while chunk := connection.recv(CHUNK_BYTES):
            yield chunk


def sent(address, count):
    with socket.create_connection(address) as connection:
        for start in range(0, count, CHUNK_BYTES):
            chunk = os.urandom(min(CHUNK_BYTES, count - start))
            connection.sendall(chunk)
            yield chunk


def family_of(address):
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


def passed(chunks):
    digest = hashlib.sha256()
    count = 0
    for chunk in chunks:
        digest.update(chunk)
        count += len(chunk)
    return {"bytes": count, "sha256": digest.hexdigest()}


role, host, port, *count = sys.argv[1:]
address = (host, int(port))
print(json.dumps(passed(sent(address, int(count[0])) if role == "send" else received(address))))
