"""Clients that connect anew for each request: load.py ADDRESS PORT CLIENTS, until SIGTERM.

Then a line of JSON says what they saw, and the exit status is 1 if a connection was lost.
"""

import json
import signal
import socket
import sys
import threading
import time

ADDRESS = (sys.argv[1], int(sys.argv[2]))
CLIENTS = int(sys.argv[3])
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
# Longer than any hold: a client that gave up would count as lost what merely waits
TIMEOUT_S = 60


def is_answered():
    try:
        with socket.create_connection(ADDRESS, TIMEOUT_S) as connection:
            connection.sendall(REQUEST)
            with connection.makefile("rb") as stream:
                answer = stream.read()
    except OSError:
        return False
    return answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"hello\n")


def client(stopping, seen):
    while not stopping.is_set():
        start = time.monotonic()
        answered = is_answered()
        seen.append((answered, (time.monotonic() - start) * 1000))


stopping = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopping.set())
seen = []  # of all clients: what is appended at once needs no lock
clients = [threading.Thread(target=client, args=(stopping, seen)) for _ in range(CLIENTS)]
for each in clients:
    each.start()
print("running", flush=True)
for each in clients:
    each.join()

answered = sum(1 for is_answer, _ in seen if is_answer)
lost = len(seen) - answered
print(json.dumps({"answered": answered, "lost": lost, "longestMs": round(max(ms for _, ms in seen))}), flush=True)
sys.exit(1 if lost else 0)
