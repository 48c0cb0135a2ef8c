# SPDX-License-Identifier: AGPL-3.0-or-later
"""SageMaker's InvokeEndpoint over servers of this machine, with its limits and its wrapping."""

from __future__ import annotations

import http.client
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_BODY = 6_291_456
_FORWARDED = ("Content-Type", "Accept", "X-Amzn-SageMaker-Custom-Attributes")


class _Server(ThreadingHTTPServer):
    endpoints: Mapping[str, str]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        name = self.path.split("/")[2]
        if name not in self.server.endpoints:
            self._error(400, "ValidationError", Message=f"Endpoint {name} not found.")
        elif len(body) > MAX_BODY:
            self._error(413, "ValidationError", Message="Request size is too large")
        else:
            self._forward(self.server.endpoints[name], body)

    def _forward(self, url: str, body: bytes) -> None:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        headers = {name: self.headers[name] for name in _FORWARDED if name in self.headers}
        connection.request("POST", "/invocations", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status != 200:
            self._error(
                424,
                "ModelError",
                OriginalStatusCode=answer.status,
                OriginalMessage=content.decode(),
                Message=f"Received client error ({answer.status}) from primary",
            )
            return
        self._answer(200, content, {name: answer.headers[name] or "" for name in _FORWARDED})

    def _error(self, status: int, code: str, **fields: object) -> None:
        self._answer(status, json.dumps(fields).encode(), {"x-amzn-ErrorType": code})

    def _answer(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serve_runtime(endpoints: Mapping[str, str]) -> Iterator[str]:
    """Serve endpoints, given as addresses by name; yields the address for boto3."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.endpoints = endpoints
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
