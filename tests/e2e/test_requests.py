# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every kind of request and every kind of mistake, over HTTP."""

from __future__ import annotations

import base64
import http.client
import io
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from client.api import ClientError, detect
from deploy.local.server import LocalServer, serve
from tests.conftest import SAMPLE_PDF, SAMPLE_PNG
from tests.e2e.conftest import CONFIG

if TYPE_CHECKING:
    from pathlib import Path

PLAN = SAMPLE_PNG.read_bytes()
OPTIONS_HEADER = "X-Amzn-SageMaker-Custom-Attributes"


@dataclass(frozen=True)
class Reply:
    """What came back over HTTP."""

    status: int
    content_type: str
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
        return Reply(answer.status, answer.headers["Content-Type"], answer.read())


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
    """A PDF with the sample plan on its last page."""
    buffer = io.BytesIO()
    lock = StandardEncryption(password) if password else None
    canvas = Canvas(buffer, pagesize=(800, 566), encrypt=lock)
    for _ in range(pages - 1):
        canvas.drawString(100, 100, "cover")
        canvas.showPage()
    canvas.drawImage(str(SAMPLE_PNG), 0, 0, 800, 566)
    canvas.save()
    return buffer.getvalue()


def centers(rooms: list[dict[str, Any]]) -> set[tuple[int, int]]:
    """Where rooms are, coarsely: the center on a grid of 50 steps."""
    return {
        (round((x0 + x1) / 40), round((y0 + y1) / 40))
        for x0, y0, x1, y1 in (room["bounding_box"] for room in rooms)
    }


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PLAN, id="png-grey"),
        pytest.param(encode("1", "PNG"), id="png-1-bit"),
        pytest.param(encode("P", "PNG"), id="png-palette"),
        pytest.param(encode("RGBA", "PNG"), id="png-alpha"),
        pytest.param(encode("I;16", "PNG"), id="png-16-bit"),
        pytest.param(encode("L", "JPEG"), id="jpeg-grey"),
        pytest.param(encode("RGB", "JPEG", progressive=True), id="jpeg-progressive"),
        pytest.param(encode("CMYK", "JPEG"), id="jpeg-cmyk"),
        pytest.param(encode("1", "TIFF", compression="group4"), id="tiff-g4"),
        pytest.param(encode("L", "TIFF", compression="tiff_lzw"), id="tiff-lzw"),
        pytest.param(encode("RGB", "TIFF", compression="jpeg"), id="tiff-jpeg"),
        pytest.param(encode("RGB", "WEBP"), id="webp"),
        pytest.param(encode("RGB", "BMP"), id="bmp"),
        pytest.param(encode("P", "GIF"), id="gif"),
        pytest.param(SAMPLE_PDF.read_bytes(), id="pdf-vector"),
        pytest.param(pdf(), id="pdf-scan"),
    ],
)
def test_every_format_finds_the_rooms(server: LocalServer, data: bytes) -> None:
    """The sample plan's ten rooms are found in whatever format it comes."""
    if data == encode("I;16", "PNG"):  # 8-bit values in 16 bits are nearly black: scale them
        with Image.open(SAMPLE_PNG) as plan:
            buffer = io.BytesIO()
            plan.convert("I").point(lambda value: value * 257).convert("I;16").save(buffer, "PNG")
            data = buffer.getvalue()
    reply = post(server, data)

    assert len(reply.rooms) >= 9
    assert reply.content_type == "application/json"
    assert len(centers(reply.rooms) & centers(post(server, PLAN).rooms)) >= 7


def test_all_forms_and_paths_give_the_same_rooms(server: LocalServer) -> None:
    """Raw, JSON, data: URL, multipart; /invocations and /predictions/rooms."""
    text = base64.b64encode(PLAN).decode()
    body, multipart_type = multipart(image=PLAN)
    replies = [
        post(server, PLAN, "image/png"),
        post(server, PLAN, None),
        post(server, PLAN, "text/plain"),
        post_json(server, {"image": text}),
        post_json(server, {"image": f"data:image/png;base64,{text}"}),
        post(server, json.dumps({"image": text}).encode(), "application/json; charset=utf-8"),
        post(server, body, multipart_type),
        post(server, PLAN, path="/predictions/rooms"),
        post_json(server, {"image": text}, "/predictions/rooms"),
        post(server, body, multipart_type, "/predictions/rooms"),
    ]

    assert len({json.dumps(reply.rooms) for reply in replies}) == 1


def test_the_answer_is_compact_and_documented(server: LocalServer) -> None:
    """Exactly the documented keys; boxes on the grid; ids in order."""
    reply = post(server, PLAN)

    assert set(reply.document) == {"status", "processing_time_ms", "detected_rooms"}
    assert b" " not in reply.body
    assert isinstance(reply.document["processing_time_ms"], int)
    assert [f"room_{i:03d}" for i in range(1, len(reply.rooms) + 1)] == [
        room["id"] for room in reply.rooms
    ]
    for room in reply.rooms:
        x_min, y_min, x_max, y_max = room["bounding_box"]
        assert 0 <= x_min < x_max <= 1000
        assert 0 <= y_min < y_max <= 1000


@pytest.mark.parametrize("header", [OPTIONS_HEADER, OPTIONS_HEADER.lower()])
def test_options_in_the_header(server: LocalServer, header: str) -> None:
    """TorchServe's own look-up has case; ours has not."""
    reply = post(server, PLAN, **{header: "max_rooms=3;confidence=0.5"})

    assert len(reply.rooms) == 3


def test_options_in_a_form(server: LocalServer) -> None:
    """A text part beside the file."""
    body, content_type = multipart(image=PLAN, max_rooms=b"2")

    assert len(post(server, body, content_type).rooms) == 2


def test_a_page_of_a_document(server: LocalServer) -> None:
    """The last of three pages has the plan; the answer names page and count."""
    document = pdf(pages=3)

    first = post(server, document)
    third = post(server, document, **{OPTIONS_HEADER: "page=3"})

    assert first.rooms == []
    assert len(third.rooms) >= 9
    assert (3, 3) == (third.document["page"], third.document["page_count"])


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


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code", "message"),
    [
        pytest.param(b"", "image/png", 400, "invalid_file_format", "is empty", id="empty"),
        pytest.param(b"hello", "image/png", 400, "invalid_file_format", "is text", id="text"),
        pytest.param(
            b"PK\x03\x04rest", "image/png", 400, "invalid_file_format", "ZIP", id="zip-named-png"
        ),
        pytest.param(
            PLAN[:20_000], "image/png", 400, "invalid_file_format", "ends early", id="truncated"
        ),
        pytest.param(BOMB, "image/png", 413, "file_too_large", "150,000,000", id="bomb"),
        pytest.param(
            bytes(22_000_000), "image/png", 413, "file_too_large", "20,971,520", id="too-many-bytes"
        ),
        pytest.param(
            pdf(password="secret"), "application/pdf", 400, "invalid_file_format", "encrypted",
            id="encrypted-pdf",
        ),
        pytest.param(
            SAMPLE_PDF.read_bytes()[:900], "application/pdf", 400, "invalid_file_format", "damaged",
            id="damaged-pdf",
        ),
        pytest.param(
            b'{"image": "????"}', "application/json", 400, "invalid_file_format", "base64",
            id="no-base64",
        ),
        pytest.param(
            b'{"image": "aGVsbG8=", "confidence": 2}', "application/json", 400, "validation_error",
            "confidence must be", id="option-out-of-range",
        ),
        pytest.param(
            b'{"picture": "aGVsbG8="}', "application/json", 400, "validation_error", "image",
            id="no-image-key",
        ),
        pytest.param(
            b'{"image": ', "application/json", 400, "validation_error", "JSON", id="cut-json"
        ),
        pytest.param(
            b"a=b", "application/x-www-form-urlencoded", 400, "validation_error", "curl",
            id="curl-default-type",
        ),
        pytest.param(b"<svg></svg>", None, 400, "invalid_file_format", "SVG", id="svg"),
    ],
)  # fmt: skip
def test_every_mistake_has_its_status_and_a_message(
    server: LocalServer, body: bytes, content_type: str | None, status: int, code: str, message: str
) -> None:
    """Our own error form; no trace and no path in it."""
    reply = post(server, body, content_type)

    assert (status, code) == (reply.status, reply.document["error"])
    assert set(reply.document) == {"status", "error", "message", "details"}
    assert message in reply.document["message"]
    assert reply.content_type == "application/json"
    assert b"Traceback" not in reply.body
    assert b"/tmp" not in reply.body


@pytest.mark.parametrize("attributes", ["page=2", "zoom=1", "confidence=high", "page"])
def test_a_wrong_header_is_refused(server: LocalServer, attributes: str) -> None:
    """Options in the header are checked like the others."""
    reply = post(server, PLAN, **{OPTIONS_HEADER: attributes})

    assert (400, "validation_error") == (reply.status, reply.document["error"])


def test_torchserve_refuses_a_body_over_its_own_limit(server: LocalServer) -> None:
    """Above max_request_size TorchServe answers in its own form, which the client reads."""
    connection = http.client.HTTPConnection("127.0.0.1", server.ports.inference, timeout=60)
    with closing(connection):
        connection.putrequest("POST", "/invocations")
        connection.putheader("Content-Length", "29400000")
        connection.putheader("Expect", "100-continue")
        connection.endheaders()
        answer = connection.getresponse()

    assert answer.status == 413


def test_the_client_says_why_a_huge_file_is_cut_off(server: LocalServer) -> None:
    """TorchServe closes the connection while the body is being sent."""
    with pytest.raises(ClientError, match=r"max_request_size|413"):
        detect(bytes(60_000_000), url=server.url)


def test_an_unknown_path_is_404(server: LocalServer) -> None:
    """TorchServe's own form."""
    assert post(server, PLAN, path="/nothing").status == 404


def test_parallel_clients_get_their_own_answers(server: LocalServer) -> None:
    """Six clients with different thresholds at once; nobody gets another's rooms."""
    wanted = [1, 2, 3, 4, 5, 6] * 4
    with ThreadPoolExecutor(6) as pool:
        counts = list(
            pool.map(
                lambda count: len(detect(PLAN, url=server.url, options={"max_rooms": count}).rooms),
                wanted,
            )
        )

    assert wanted == counts


def test_a_mixed_batch_is_answered_item_by_item(batching_archive: Path) -> None:
    """Four requests that TorchServe gathers into one batch: each has its own status and rooms."""
    bodies = [PLAN, b"hello", SAMPLE_PDF.read_bytes(), BOMB]
    with serve(batching_archive, config=CONFIG) as server:
        server.wait_ready()
        with ThreadPoolExecutor(4) as pool:
            replies = list(pool.map(lambda body: post(server, body), bodies))
        log = server.log.read_text()

    assert [200, 400, 200, 413] == [reply.status for reply in replies]
    assert len(replies[0].rooms) >= 9
    assert len(replies[2].rooms) >= 9
    assert "repeats 4 to backend" in log or log.count("PREDICT repeats 1 to backend") == 1


def test_a_full_queue_is_503(archive: Path) -> None:
    """With one waiting place, ten requests at once: some are served, the others told to return."""
    with serve(archive, config=CONFIG, settings={"job_queue_size": "1"}) as server:
        server.wait_ready()
        with ThreadPoolExecutor(10) as pool:
            replies = list(pool.map(lambda body: post(server, body), [PLAN] * 10))
            after = post(server, PLAN)

    assert {200, 503} == {reply.status for reply in replies}
    assert after.status == 200
