"""Counts, and says each number to ADDRESS port 9000: service.py ADDRESS. Tells port 9001 of this host how far it is."""

import socket
import sys
import threading
import time

PERIOD_S = 0.02

count = 0


def tell():
    while True:
        _, asker = questions.recvfrom(16)
        questions.sendto(b"%d" % count, asker)


questions = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
questions.bind(("127.0.0.1", 9001))
threading.Thread(target=tell, daemon=True).start()
output = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print("ready", flush=True)
while True:
    # The state first: no output is ahead of it
    count += 1
    output.sendto(b"%d" % count, (sys.argv[1], 9000))
    time.sleep(PERIOD_S)
