"""A server at two ports. It says which of them it was asked at, and tells what it was asked."""

import http.server
import threading


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print(f"{self.server.server_port} was asked {self.path}", flush=True)
        text = f"answer of {self.server.server_port}\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        try:
            self.wfile.write(text.encode())
        except OSError:
            pass

    def log_message(self, *_):
        pass


servers = [http.server.ThreadingHTTPServer(("", port), Server) for port in (8081, 8082)]
print("ready", flush=True)
for server in servers:
    threading.Thread(target=server.serve_forever).start()
