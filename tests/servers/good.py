# SPDX-License-Identifier: AGPL-3.0-or-later
"""A container that keeps SageMaker's rules without TorchServe: Python's standard library alone.

It doubles a number: ``{"number": 2}`` → ``{"doubled": 4}``.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOADING_S = 0.5
IDLE_S = 3  # a connection that sends nothing for so long is closed


class Handler(BaseHTTPRequestHandler):
    """Answers one request for each connection."""

    timeout = IDLE_S
    server: Server

    def do_GET(self) -> None:
        """Say whether the model is loaded."""
        if self.path != "/ping":
            self.answer(405 if self.path == "/invocations" else 404, {"error": "not here"})
        else:
            self.answer(200 if self.server.model.is_set() else 503, {})

    def do_POST(self) -> None:
        """Double a number."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/invocations":
            self.answer(404, {"error": "not here"})
        elif not self.server.model.is_set():
            self.answer(503, {"error": "loading"})
        else:
            self.invoke(body)

    def invoke(self, body: bytes) -> None:
        """Answer a body."""
        try:
            self.answer(200, {"doubled": 2 * float(json.loads(body)["number"])})
        except (ValueError, KeyError, TypeError):
            self.answer(400, {"error": 'what is taken is {"number": 2}'})

    def answer(self, status: int, document: object) -> None:
        """Send an answer."""
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if attributes := self.headers.get("X-Amzn-SageMaker-Custom-Attributes"):
            self.send_header("X-Amzn-SageMaker-Custom-Attributes", attributes)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Waits at its end for the requests that it has."""

    daemon_threads = False  # server_close() waits for them
    request_queue_size = 128

    def __init__(self, handler: type[Handler] = Handler) -> None:
        self.model = threading.Event()
        # Where a test on the host has several, each has a port of its own.
        super().__init__(("", int(os.environ.get("PORT", "8080"))), handler)

    def load(self) -> None:
        """Load the model."""
        time.sleep(LOADING_S)
        self.model.set()


def main() -> None:
    """Serve until SIGTERM."""
    server = Server()
    threading.Thread(target=server.load, daemon=True).start()
    # shutdown() waits for serve_forever(), which this thread runs.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
