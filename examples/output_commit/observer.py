"""Sees what the service says, and asks the backup whether that was safe by then: observer.py BACKUP, until SIGTERM.

The exit status is 0 if something was seen, all of it in order, and none of it too early.
"""

import signal
import socket
import sys
import time


def stop(*_):
    raise SystemExit


signal.signal(signal.SIGTERM, stop)
backup = socket.create_connection((sys.argv[1], 7000))
answers = backup.makefile()
outputs = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
outputs.bind(("", 9000))
print("ready", flush=True)

seen = []
early = []
try:
    while True:
        number = int(outputs.recv(16))
        moment = time.monotonic_ns()
        backup.sendall(b"when %d\n" % number)
        safe = answers.readline().strip()
        seen.append(number)
        if safe == "never" or int(safe) > moment:
            early.append(number)
finally:
    print(f"{len(seen)} outputs seen, {len(early)} of them too early", flush=True)
    in_order = seen == list(range(1, len(seen) + 1))
    sys.exit(0 if seen and in_order and not early else 1)
