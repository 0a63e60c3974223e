"""Sends 8 MiB to whoever asks on port 8080. Says when nothing could be written for a second, and when all has been."""

import hashlib
import select
import socket

BODY = hashlib.shake_256(b"plugctl").digest(8 << 20)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(BODY)
CHUNK = 64 << 10
STALL_S = 1


def serve(connection):
    while not connection.recv(CHUNK).endswith(b"\r\n\r\n"):
        pass
    connection.sendall(HEAD)
    connection.setblocking(False)
    written = 0
    stalled_at = None
    while written < len(BODY):
        _, writable, _ = select.select([], [connection], [], STALL_S)
        if writable:
            written += connection.send(BODY[written : written + CHUNK])
        elif stalled_at != written:
            stalled_at = written
            print(f"stalled after {written} bytes", flush=True)
    print(f"{written} bytes", flush=True)


with socket.create_server(("", 8080)) as listener:
    while True:
        connection, _ = listener.accept()
        with connection:
            serve(connection)
