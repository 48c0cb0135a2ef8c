# SPDX-License-Identifier: AGPL-3.0-or-later
"""A small HTTP server that gives the answers that a test writes for it."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOM = {"id": "room_001", "bounding_box": [100, 200, 300, 400], "confidence": 0.9}
Reply = tuple[int, bytes]


def found(*rooms: dict[str, object], **more: object) -> bytes:
    """A successful answer."""
    answer = {"status": "success", "processing_time_ms": 12, "detected_rooms": list(rooms)}
    return json.dumps({**answer, **more}).encode()


@dataclass
class Asked:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: tuple[str, int]

    @property
    def options(self) -> str | None:
        """Of the header that carries them."""
        return self.headers.get("X-Amzn-SageMaker-Custom-Attributes")


@dataclass
class Server:
    """Its address, and what it was asked."""

    url: str
    asked: list[Asked] = field(default_factory=list)


class Busy:
    """Takes its time for every answer, and counts how many are under way at once.

    Args:
        seconds: For each.
        content: Of each answer.

    Attributes:
        most: The largest count so far.
    """

    def __init__(self, seconds: float, content: bytes) -> None:
        self._seconds, self._content = seconds, content
        self._lock, self._running, self.most = threading.Lock(), 0, 0

    def __call__(self, *_: object) -> Reply:
        """As :func:`answering` asks."""
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
        time.sleep(self._seconds)
        with self._lock:
            self._running -= 1
        return 200, self._content


@contextmanager
def answering(answer: Callable[[Asked, int], Reply | None]) -> Iterator[Server]:
    """Serve what ``answer`` says of a request and its number from 0; None says nothing at all."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = Asked(self.path, dict(self.headers), body, self.client_address)
            with lock:
                server.asked.append(asked)
                number = len(server.asked) - 1
            reply = answer(asked, number)
            if reply is None:
                self.close_connection = True
                return
            status, content = reply
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server = Server(f"http://127.0.0.1:{listening.server_port}")
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
