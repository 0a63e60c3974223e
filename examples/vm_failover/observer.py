"""Gives a machine its program, and sees which numbers it asks for, until SIGTERM; repeats what stands in its own input.

The exit status is 0 if none was asked for again.
"""

import http.server
import signal
import sys
import threading

numbers = []
again = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"noted"
        if self.path.endswith(".ipxe"):
            with open("service.ipxe", "rb") as file:
                body = file.read()
        else:
            see(int(self.path[1:]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def see(number):
    if numbers and number <= max(numbers):
        again.append(number)
    numbers.append(number)
    print(f"request {number}", flush=True)


def stop(*_):
    raise SystemExit


signal.signal(signal.SIGTERM, stop)
server = http.server.ThreadingHTTPServer(("10.0.0.1", 9000), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
try:
    for line in sys.stdin:
        print(line.strip(), flush=True)
    signal.pause()
finally:
    print(f"{len(numbers)} requests, {len(again)} of them again", flush=True)
    sys.exit(1 if again or not numbers else 0)
