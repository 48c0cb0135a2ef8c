# SPDX-License-Identifier: AGPL-3.0-or-later
"""AWS that answers with what it is given, in the form of each service's protocol."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

REQUEST_ID = "11111111-2222-3333-4444-555555555555"


@dataclass(frozen=True)
class Answer:
    """An answer of a service.

    Attributes:
        status: HTTP status.
        code: Of an error; empty for a success.
        message: Of an error.
        fields: Further members of the answer; of an object of S3's its ``Body``, and a
            ``Content-Length`` that may be another.
    """

    status: int
    code: str = ""
    message: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


class _Server(ThreadingHTTPServer):
    answers: list[Answer]
    asked: list[tuple[str, bytes]]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _reply(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target", self.path)
        self.server.asked.append((target.rpartition(".")[2], body))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        content, headers = self._content(answer, body)
        self.send_response(answer.status)
        length = str(answer.fields.get("Content-Length", len(content)))
        for name, value in {**headers, "Content-Length": length}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.close_connection = length != str(len(content))

    def do_POST(self) -> None:
        self._reply()

    def do_GET(self) -> None:
        self._reply()

    def do_PUT(self) -> None:
        self._reply()

    def do_DELETE(self) -> None:
        self._reply()

    def do_HEAD(self) -> None:
        self._reply()

    def _content(self, answer: Answer, body: bytes) -> tuple[bytes, dict[str, str]]:
        told = {"x-amzn-RequestId": REQUEST_ID, "x-amz-request-id": REQUEST_ID}
        if self.headers.get("smithy-protocol"):
            members = {"__type": answer.code, "message": answer.message}
            return _cbor(members), {**told, "smithy-protocol": "rpc-v2-cbor"}
        if "X-Amz-Target" in self.headers:  # SageMaker, ECR, logs, autoscaling
            error = {"__type": answer.code, "message": answer.message} if answer.code else {}
            return json.dumps({**error, **answer.fields}).encode(), told
        if self.path.startswith("/endpoints/"):  # invocations
            if not answer.code:
                return json.dumps(answer.fields).encode(), told
            document = {"Message": answer.message, **answer.fields}
            return json.dumps(document).encode(), {**told, "x-amzn-ErrorType": answer.code}
        return _xml(answer, is_query=body.startswith(b"Action=")), told

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _xml(answer: Answer, *, is_query: bool) -> bytes:
    """Of STS and IAM, else of S3, whose objects come as they are."""
    if not answer.code:
        return bytes(answer.fields.get("Body", b""))
    error = f"<Code>{answer.code}</Code><Message>{answer.message}</Message>"
    if is_query:
        text = f"<ErrorResponse><Error>{error}</Error>"
        return f"{text}<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>".encode()
    return f"<Error>{error}</Error>".encode()


def _cbor(members: Mapping[str, str]) -> bytes:
    """A map of texts, each of fewer than 256 bytes (RFC 8949)."""

    def text(value: str) -> bytes:
        return bytes([0x78, len(value.encode())]) + value.encode()

    return bytes([0xA0 + len(members)]) + b"".join(
        text(name) + text(value) for name, value in members.items()
    )


@contextmanager
def serve_aws(
    answers: Sequence[Answer], asked: list[tuple[str, bytes]] | None = None
) -> Iterator[str]:
    """Answer call after call so, the last of them again and again; yields the address.

    Args:
        answers: At least one.
        asked: Where name and body of every call are put.
    """
    server = _Server(("127.0.0.1", 0), _Handler)
    server.answers, server.asked = list(answers), asked if asked is not None else []
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
