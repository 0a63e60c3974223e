"""The two ends of packets whose times are measured, as a program:

- `measured.py receive udp|tcp ADDRESS PORT COUNT` says `listening`, and for each record the nanoseconds at which it was
  sent and those at which it arrived: those of the kernel where the socket has them, else of this process;
- `measured.py send udp|tcp ADDRESS PORT COUNT` sends so many records.
"""

import socket
import struct
import sys
import time

SO_SNDBUFFORCE, SO_RCVBUFFORCE, SO_TIMESTAMPNS = 32, 33, 35
BUFFER_BYTES = 64 << 20
RECORD = struct.Struct("!8sIQ4x")
MAGIC = b"plugctl!"

role, protocol, address, port, count = *sys.argv[1:4], int(sys.argv[4]), int(sys.argv[5])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
end = socket.socket(family, kind)
end.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES)
end.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)


def tell(data, arrived):
    _, number, sent = RECORD.unpack(data)
    print(number, sent, arrived, flush=True)


def receive_datagrams():
    end.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    end.bind((address, port))
    print("listening", flush=True)
    for _ in range(count):
        data, beside, _, _ = end.recvmsg(64, 64)
        seconds, nanoseconds = struct.unpack("@qq", beside[0][2][:16])
        tell(data, seconds * 1_000_000_000 + nanoseconds)


def receive_stream():
    end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    end.bind((address, port))
    end.listen()
    print("listening", flush=True)
    connection, _ = end.accept()
    rest = b""
    for _ in range(count):
        while len(rest) < RECORD.size:
            rest += connection.recv(65536)
        tell(rest[:RECORD.size], time.time_ns())
        rest = rest[RECORD.size:]


def send():
    if protocol == "tcp":
        end.connect((address, port))
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        print("connected", flush=True)
        # The gate is to hold from here on
        sys.stdin.readline()
    for number in range(count):
        record = RECORD.pack(MAGIC, number, time.time_ns())
        end.sendall(record) if protocol == "tcp" else end.sendto(record, (address, port))
    print("sent", flush=True)
    if protocol == "tcp":
        sys.stdin.readline()


if role == "send":
    send()
elif protocol == "udp":
    receive_datagrams()
else:
    receive_stream()
