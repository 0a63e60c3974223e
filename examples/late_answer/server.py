"""A shop at three ports. It says which of them it was asked at, and what it has sold. The third keeps connections, for a second."""

import http.server
import threading


class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(f"prices of {self.server.server_port}\n")

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        print(f"sold at {self.server.server_port}", flush=True)
        self.answer("thank you\n")

    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        try:
            self.wfile.write(text.encode())
        except OSError:
            pass

    def log_message(self, *_):
        pass


class Keeping(Shop):
    protocol_version = "HTTP/1.1"
    timeout = 1


SHOPS = {8081: Shop, 8082: Shop, 8083: Keeping}
servers = [http.server.ThreadingHTTPServer(("", port), shop) for port, shop in SHOPS.items()]
print("ready", flush=True)
for server in servers:
    threading.Thread(target=server.serve_forever).start()
