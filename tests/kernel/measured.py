"""The two ends of packets whose times are measured, as a program:

- `measured.py receive udp|tcp ADDRESS PORT` says `listening`, and for each record its number, the nanoseconds at which it
  was sent and those at which it arrived, of the kernel;
- `measured.py send udp|tcp ADDRESS PORT` says `ready`, and sends a record for each line of its standard input.
"""

import socket
import struct
import sys
import time

SO_SNDBUFFORCE, SO_RCVBUFFORCE, SO_TIMESTAMPNS = 32, 33, 35
BUFFER_BYTES = 64 << 20
RECORD = struct.Struct("!8sIQ4x")
MAGIC = b"plugctl!"

role, protocol, address, port = *sys.argv[1:4], int(sys.argv[4])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
end = socket.socket(family, kind)
end.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES)
end.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)


def receive(connection, length):
    data, beside, _, _ = connection.recvmsg(length, 64)
    arrived = [struct.unpack("@qq", each[:16]) for level, kind, each in beside if kind == SO_TIMESTAMPNS]
    return data, arrived[-1][0] * 1_000_000_000 + arrived[-1][1] if arrived else None


def receive_records():
    end.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    end.bind((address, port))
    connection = end
    if protocol == "tcp":
        end.listen()
    print("listening", flush=True)
    if protocol == "tcp":
        connection, _ = end.accept()
        connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    while True:
        data, arrived = receive(connection, RECORD.size)
        while 0 < len(data) < RECORD.size:
            more, arrived = receive(connection, RECORD.size - len(data))
            data += more
        if not data:
            return
        _, number, sent = RECORD.unpack(data)
        print(number, sent, arrived or time.time_ns(), flush=True)


def send():
    if protocol == "tcp":
        end.connect((address, port))
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print("ready", flush=True)
    for number, _ in enumerate(sys.stdin):
        record = RECORD.pack(MAGIC, number, time.time_ns())
        end.sendall(record) if protocol == "tcp" else end.sendto(record, (address, port))


if role == "send":
    send()
else:
    receive_records()
