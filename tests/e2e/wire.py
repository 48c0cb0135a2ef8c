# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests over HTTP as clients of all kinds send them, and files to send."""

from __future__ import annotations

import http.client
import io
import json
import zlib
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from tests.conftest import SAMPLE_PNG

if TYPE_CHECKING:
    from serving.server import LocalServer

PLAN = SAMPLE_PNG.read_bytes()
OPTIONS_HEADER = "X-Amzn-SageMaker-Custom-Attributes"


@dataclass(frozen=True)
class Reply:
    """What came back over HTTP."""

    status: int
    content_type: str
    request_id: str
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The body as JSON."""
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def rooms(self) -> list[dict[str, Any]]:
        """The rooms of a successful answer."""
        assert self.status == 200, self.body
        rooms: list[dict[str, Any]] = self.document["detected_rooms"]
        return rooms


def post(
    server: LocalServer,
    body: bytes,
    content_type: str | None = "application/octet-stream",
    path: str = "/invocations",
    **headers: str,
) -> Reply:
    """Send a request; errors are replies too."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if content_type:
        given["Content-Type"] = content_type
    # http.client adds no content type of its own, urllib does.
    connection = http.client.HTTPConnection("127.0.0.1", server.ports.inference, timeout=60)
    with closing(connection):
        connection.request("POST", path, body, given)
        answer = connection.getresponse()
        content_type, request_id = (answer.headers[key] for key in ("Content-Type", "x-request-id"))
        return Reply(answer.status, content_type, request_id, answer.read())


def post_json(server: LocalServer, document: Any, path: str = "/invocations") -> Reply:
    """Send a JSON body."""
    return post(server, json.dumps(document).encode(), "application/json", path)


def multipart(**parts: bytes) -> tuple[bytes, str]:
    """A multipart body and its content type."""
    boundary = "plan-boundary"
    lines = b""
    for name, value in parts.items():
        file = b'; filename="plan"' if name in {"image", "data", "body"} else b""
        lines += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode()
            + file
            + b"\r\n\r\n"
            + value
            + b"\r\n"
        )
    return lines + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def encode(mode: str, kind: str, **options: Any) -> bytes:
    """The sample plan in another format."""
    buffer = io.BytesIO()
    with Image.open(SAMPLE_PNG) as plan:
        plan.convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def pdf(pages: int = 1, password: str | None = None) -> bytes:
    """A PDF with the sample plan on its last page; the others hold a word."""
    buffer = io.BytesIO()
    lock = StandardEncryption(password) if password else None
    canvas = Canvas(buffer, pagesize=(800, 566), encrypt=lock)
    for _ in range(pages - 1):
        canvas.drawString(100, 100, "cover")
        canvas.showPage()
    canvas.drawImage(str(SAMPLE_PNG), 0, 0, 800, 566)
    canvas.save()
    return buffer.getvalue()


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG with its check sum."""
    check = zlib.crc32(kind + content).to_bytes(4)
    return len(content).to_bytes(4) + kind + content + check


# A header that claims 40,000 x 40,000 pixels, and 12 bytes of them.
BOMB = (
    b"\x89PNG\r\n\x1a\n"
    + png_chunk(b"IHDR", (40_000).to_bytes(4) * 2 + b"\x08\x00\x00\x00\x00")
    + png_chunk(b"IDAT", zlib.compress(b"\x00" * 100))
    + png_chunk(b"IEND", b"")
)
