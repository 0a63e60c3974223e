"""Keeps the value that was set last, by whichever connection, and says each."""

import socketserver


class Setting(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            print(f"set to {line.decode().strip()}", flush=True)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


with Server(("", 7000), Setting) as server:
    server.serve_forever()
