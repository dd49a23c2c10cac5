# ruff: noqa: INP001 - run by its path
"""Two services in one process speak mutual TLS with certificates that renew themselves.

    python small.py "$(step ca token localhost)"

That is all there is to it: the token names the authority and its root, the key is made here and never
written, and both contexts follow every renewal.
"""

import ssl
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

from newel.client.identity import Identity


class Hello(BaseHTTPRequestHandler):
    """A handler that greets clients with a certificate of the same authority."""

    def do_GET(self) -> None:
        """Answer hello."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"Hello, world!\n")


def main(token: str) -> None:
    """Serve one request and send it."""
    with Identity.from_token(token) as me, HTTPServer(("127.0.0.1", 0), Hello) as server:
        context: ssl.SSLContext = me.server_context()
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"https://localhost:{server.server_port}/hi"
        with urllib.request.urlopen(url, context=me.client_context(), timeout=10) as answer:
            sys.stdout.write(answer.read().decode())
        server.shutdown()


if __name__ == "__main__":
    main(sys.argv[1])
