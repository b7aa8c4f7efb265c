"""Stands for the Slack bot's MCP server: one POST is its tool call. Only the guard differs from step to step.

`python3 server.py GUARD`, on the port of loopback that SERVER_PORT names.
"""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from guards import GUARDS

ANSWERS = {
    200: "The deploy runbook moved to the wiki",
    401: "this token is not accepted",
    503: "can't tell right now: try again",
}

guard = GUARDS[sys.argv[1]]()


class Tool(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        status = guard(token.encode("latin-1")) if scheme == "Bearer" else 401
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        if status == 503:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(ANSWERS[status].encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("127.0.0.1", int(os.environ["SERVER_PORT"])), Tool).serve_forever()
