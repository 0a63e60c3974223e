"""Counts what comes in on port 8080, and answers with the count once the other side has shut its own."""

import socketserver


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        count = 0
        while chunk := self.request.recv(65536):
            count += len(chunk)
            print(f"{count} bytes so far", flush=True)
        self.request.sendall(f"{count} bytes in all".encode())


socketserver.ThreadingTCPServer(("", 8080), Handler).serve_forever()
