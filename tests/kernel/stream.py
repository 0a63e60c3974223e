"""A stream of numbered datagrams that never pauses: `send ADDRESS PORT RATE`, `receive ADDRESS PORT`.

The receiver answers each line on its standard input by a line of JSON: the highest number that has arrived, and those
below it that have not, of the last ones at the most a hundred.
"""

import json, select, socket, struct, sys, time

SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
role, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
stream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
stream.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 32 << 20)
stream.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)

if role == "send":
    pause, number, due = 1 / float(sys.argv[4]), 0, time.monotonic()
    print("sending", flush=True)
    while True:
        try:
            stream.sendto(struct.pack("!I", number), (address, port))
        except OSError:
            # A queue that is full says so: what it refused was not sent.
            time.sleep(pause)
            continue
        number += 1
        due += pause
        time.sleep(max(0, due - time.monotonic()))
else:
    stream.bind((address, port))
    stream.setblocking(False)
    print("listening", flush=True)
    highest, missing = -1, set()
    while True:
        ready = select.select([stream, sys.stdin], [], [])[0]
        if stream in ready:
            try:
                while True:
                    (number,) = struct.unpack("!I", stream.recv(64))
                    missing.update(range(highest + 1, number))
                    missing.discard(number)
                    highest = max(highest, number)
            except BlockingIOError:
                pass
        if sys.stdin in ready:
            if not sys.stdin.readline():
                break
            print(json.dumps({"highest": highest, "missing": sorted(missing)[-100:]}), flush=True)
