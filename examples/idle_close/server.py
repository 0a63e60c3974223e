"""Serves HTTP on port 8080, and closes each connection that is idle for a moment; says so each time."""

import http.server


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 0.5

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def finish(self):
        super().finish()
        self.connection.close()
        print("closed", flush=True)


http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
