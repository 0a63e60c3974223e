"""Keeps checkpoints, on port 7000: `save STATE` is acknowledged, `when STATE` says when it was, or that it was not."""

import socketserver
import threading
import time

saved = []  # (state, when it was acknowledged), in nanoseconds of a clock that all hosts have
lock = threading.Lock()


def save(state):
    saved.append((state, time.monotonic_ns()))
    return "acknowledged"


def when(state):
    return next((str(moment) for covered, moment in saved if covered >= state), "never")


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            word, state = line.split()
            with lock:
                answer = {b"save": save, b"when": when}[word](int(state))
            self.wfile.write(answer.encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


Server(("", 7000), Handler).serve_forever()
