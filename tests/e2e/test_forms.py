# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every kind of file and every form of request, over HTTP."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from tests.conftest import SAMPLE_PDF, SAMPLE_PNG
from tests.e2e.wire import OPTIONS_HEADER, PLAN, encode, multipart, pdf, post, post_json

if TYPE_CHECKING:
    from serving.server import LocalServer


def centers(rooms: list[dict[str, Any]]) -> set[tuple[int, int]]:
    """Where rooms are, coarsely: the center on a grid of 50 steps."""
    return {
        (round((x0 + x1) / 40), round((y0 + y1) / 40))
        for x0, y0, x1, y1 in (room["bounding_box"] for room in rooms)
    }


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PLAN, id="png-gray"),
        pytest.param(encode("1", "PNG"), id="png-1-bit"),
        pytest.param(encode("P", "PNG"), id="png-palette"),
        pytest.param(encode("RGBA", "PNG"), id="png-alpha"),
        pytest.param(encode("I;16", "PNG"), id="png-16-bit"),
        pytest.param(encode("L", "JPEG"), id="jpeg-gray"),
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
    """The last of three pages has the plan, a cover has no rooms; page and count are named."""
    document = pdf(pages=3)

    first = post(server, document)
    third = post(server, document, **{OPTIONS_HEADER: "page=3"})

    assert first.rooms == []
    assert len(third.rooms) >= 9
    assert (3, 3) == (third.document["page"], third.document["page_count"])
