"""One end of traffic that never pauses, as a program, until its standard input ends:

- `traffic.py receive ADDRESS PORT` says `listening` when it is, and at its end how many numbers it has received, which
  came out of order, and how often, as a line of JSON;
- `traffic.py send ADDRESS PORT RATE` sends numbered datagrams, so many a second, and says at its end how many.
"""

import json
import select
import socket
import sys
import threading
import time

SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
BUFFER_BYTES = 64 << 20
# How long nothing must come before all has arrived
QUIET_S = 1

ended = threading.Event()


def wait_for_the_end():
    sys.stdin.read()
    ended.set()


def receive(address):
    numbers, last, reordered = set(), -1, 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        receiver.bind(address)
        print("listening", flush=True)
        while True:
            if not select.select([receiver], [], [], QUIET_S)[0]:
                if ended.is_set():
                    break
                continue
            number = int.from_bytes(receiver.recv(64), "big")
            numbers.add(number)
            reordered += number < last
            last = max(last, number)
    return {"received": len(numbers), "reordered": reordered}


def send(address, rate):
    begun, sent = time.monotonic(), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        # What is held must not keep it from sending on
        sender.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES)
        print("sending", flush=True)
        while not ended.is_set():
            sender.sendto(sent.to_bytes(64, "big"), address)
            sent += 1
            time.sleep(max(0, begun + sent / rate - time.monotonic()))
    return {"sent": sent}


end, address, *rate = sys.argv[1], (sys.argv[2], int(sys.argv[3])), *map(float, sys.argv[4:])
threading.Thread(target=wait_for_the_end, daemon=True).start()
print(json.dumps(receive(address) if end == "receive" else send(address, *rate)))
