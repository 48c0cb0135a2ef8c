# SPDX-License-Identifier: AGPL-3.0-or-later
"""A server between a client of AWS and an endpoint, which kills the client at a call of its choice.

The call has reached AWS and has had its effect when the client dies; its answer is never read.
"""

from __future__ import annotations

import http.client
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from deploy.endpoint.lock import NAME as LOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_READING = re.compile(r"Describe|List|Get|Head|Batch|Filter|Invoke|Assume")
_TIMEOUT_S = 120
_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


@dataclass(slots=True)
class Cutter:
    """The server's state.

    Attributes:
        upstream: Address of the endpoint.
        url: Of this server.
        changes: Names of the calls so far that change something.
        at: Which of them is the last one; 0 for none.
        kill: Ends the client.
    """

    upstream: str
    url: str = ""
    changes: list[str] = field(default_factory=list)
    at: int = 0
    kill: Callable[[], None] = lambda: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_last(self, operation: str) -> bool:
        """Note a call; whether the client dies of it."""
        with self._lock:
            if not operation or _READING.match(operation):
                return False
            self.changes.append(operation)
            return len(self.changes) == self.at


def operation_of(method: str, path: str, headers: Mapping[str, str], body: bytes) -> str:
    """AWS's name of a call, in any of its protocols; for S3 one of our own."""
    target = headers.get("X-Amz-Target")
    if target:
        return target.rpartition(".")[2]
    rpc = re.search(r"/operation/(\w+)", path)
    if rpc:
        return rpc[1]
    if b"Action=" in body[:4096]:
        return parse_qs(body.decode(errors="replace")).get("Action", [""])[0]
    return {"PUT": "PutObject", "DELETE": "DeleteObject"}.get(method, "")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cutter: Cutter

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        place = urlsplit(self.cutter.upstream)
        connection = http.client.HTTPConnection(place.netloc, timeout=_TIMEOUT_S)
        try:
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in _HOP - {"content-length"}:
                    connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        is_lock = self.path.partition("?")[0].endswith(f"/{LOCK}")  # whose renewal is no step
        operation = operation_of(self.command, self.path, dict(self.headers), body)
        if not is_lock and self.cutter.is_last(operation):
            self.cutter.kill()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        length = answer.headers["Content-Length"] if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _forward  # noqa: N815  # http.server's names

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed leaves broken connections."""


@contextmanager
def cutter(upstream: str) -> Iterator[Cutter]:
    """A server in front of an endpoint."""
    state = Cutter(upstream)
    handler = type("Handler", (_Handler,), {"cutter": state})
    with _Server(("127.0.0.1", 0), handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
