"""A client that waits for a slow answer: what `clients/python` is for, in twenty lines."""

import os
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

pytest_plugins = ["plugctl"]


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_):
        pass


def test_an_answer_that_is_held_for_300_ms_comes_late(plugctl):
    server = HTTPServer(("127.0.0.1", 8000), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    answers = plugctl.gate("lo", "out", "tcp src port 8000")
    with answers.hold() as hold:
        begun = time.monotonic()
        release = threading.Timer(float(os.environ.get("HOLD_SECONDS", "0.3")), hold.release)
        release.start()
        assert urllib.request.urlopen("http://127.0.0.1:8000/", timeout=60).read() == b"hello"
        assert time.monotonic() - begun >= 0.3
    assert hold.released >= 1
    server.shutdown()
