# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is fuzzed: each target takes any bytes and raises where it finds something.

A caller's mistake may raise :class:`~roomdet.errors.RequestError` with a status of 4xx and a short
message; anything else that is raised, and whatever takes longer than ``MOST_CPU_S``, is a find.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from roomdet.areas import room_areas
from roomdet.base64_text import decode_base64, describe_base64
from roomdet.config import Limits
from roomdet.encodings import undo_encoding
from roomdet.errors import RequestError
from roomdet.forms import read_form
from roomdet.images import read_page
from roomdet.labels import name_rooms
from roomdet.request import parse_attributes, parse_request
from roomdet.s3_address import URL_PATTERN, AllowList
from roomdet.scale import MM_PER_PT
from roomdet.scale_notes import asked_scale, read_note
from roomdet.schema import RequestOptions, encode_error, parse_value
from roomdet.texts import TextLine, pack_lines, unpack_lines
from tests.torture import seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from roomdet.page import Page

# The service's own limits, but smaller pictures and documents: the fuzzer is to try many.
LIMITS = Limits(max_bytes=1 << 20, max_pixels=1_000_000, max_pages=50)
MOST_CPU_S = 5.0
MOST_ANSWER_BYTES = 4096
SIDE_PX = 96
A3_PT = (1191.0, 842.0)
ALLOWED = AllowList.parse("s3://bucket/plans/ s3://other/")
_GRID = np.arange(0, 1, 0.25)
# Rooms everywhere, one in another.
BOXES = np.array(
    [[x, y, x + 0.25, y + 0.25] for y in _GRID for x in _GRID] + [[0, 0, 1, 1]], np.float32
)
POLYGONS = [np.array([(a, b), (c, b), (c, d), (a, d)]) for a, b, c, d in BOXES.tolist()]


class Found(AssertionError):
    """The code did what it must not do."""


@dataclass(frozen=True, slots=True)
class Target:
    """Code that is fuzzed.

    Attributes:
        run: Takes any bytes; what a caller may be told it raises as RequestError.
        seeds: Inputs to start from.
        most_bytes: Longest input that is made.
        is_native: Whether decoders of C and C++ run: their crash ends the process that reads pages
            and costs a caller 400, so one is looked at again in such a process.
    """

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    most_bytes: int = 4096
    is_native: bool = False

    def __call__(self, data: bytes) -> None:
        """Run it.

        Raises:
            Found: If an error is not as it should be, or it takes long.
            Exception: Whatever the code raises that it should not.
        """
        started_s = time.process_time()
        try:
            self.run(data)
        except RequestError as err:
            check_error(err)
        taken_s = time.process_time() - started_s
        if taken_s > MOST_CPU_S:
            raise Found(f"{taken_s:.1f} s of processor")


def check_error(err: RequestError) -> None:
    """Whether an error is one that a caller may get.

    Raises:
        Found: If it is not.
    """
    if not 400 <= err.status < 500:
        raise Found(f"status {err.status}: {err}")
    answer = encode_error(err)
    if len(answer) > MOST_ANSWER_BYTES:
        raise Found(f"an error of {len(answer)} bytes")
    json.loads(answer)


# -- files ------------------------------------------------------------------------------------


def read_file(data: bytes) -> None:
    """The first page of a file of any kind, and the second."""
    for number in (1, 2):
        check_page(read_page(data, page=number, side_px=SIDE_PX, limits=LIMITS))


def read_document(data: bytes) -> None:
    """A page with its text, and all that is said of its rooms."""
    page = read_page(data, page=1, side_px=SIDE_PX, limits=LIMITS, has_lines=True)
    check_page(page)
    if unpack_lines(pack_lines(page.lines)) != page.lines[:5000]:
        raise Found("lines that do not arrive")
    describe(page.lines, page.source_wh, page.paper_wh_pt)


def check_page(page: Page) -> None:
    """Whether a page is one.

    Raises:
        Found: If it is not.
    """
    if page.pixels.dtype != np.uint8 or max(page.pixels.shape[:2]) != SIDE_PX:
        raise Found(f"pixels {page.pixels.dtype} {page.pixels.shape}")
    if not (page.source_wh[0] > 0 and page.source_wh[1] > 0 and page.native_px > 0):
        raise Found(f"a page of {page.source_wh}, {page.native_px} px")


# -- what is written --------------------------------------------------------------------------


def describe(
    lines: Iterable[TextLine], page_wh: tuple[float, float], paper_wh_pt: tuple[float, float] | None
) -> None:
    """Names and areas of rooms everywhere."""
    found = tuple(lines)
    labels = name_rooms(found, BOXES, page_wh, np.ones(len(BOXES), np.float32))
    areas = room_areas(POLYGONS, BOXES, found, paper_wh_pt)
    for label in labels:
        if label is not None and not 0 <= label.confidence <= 1:
            raise Found(f"a label of confidence {label.confidence}")
    for area in areas:
        if area.m2 is not None and not (0 <= area.m2 < float("inf") and area.scale_source):
            raise Found(f"an area of {area}")
        if area.m2 is None and not area.reason:
            raise Found("no area and no reason")
    text = json.dumps([area.reason for area in areas] + [label.name for label in labels if label])
    if len(text) > len(labels) * 2000:
        raise Found(f"{len(text)} characters of names and reasons")


def read_lines(data: bytes) -> None:
    """Lines anywhere on a page: of each line of the input the first four bytes say where."""
    lines = []
    for row in data.split(b"\n")[:400]:
        text = " ".join(row[4:].decode(errors="ignore").split())
        if not text:
            continue
        x, y, width, height = (byte / 256 for byte in row[:4].ljust(4, b"\x20"))
        box = (x, y, min(1.0, x + width / 4 + 0.001), min(1.0, y + height / 16 + 0.001))
        lines.append(TextLine(text, box, row[0] % 4 * 90))
    describe(lines, A3_PT, A3_PT)


def read_scale(data: bytes) -> None:
    """A line of a drawing, and the option."""
    text = data.decode(errors="replace")
    note = read_note(text)
    for scale in note.scales:
        if not 1 <= scale.ratio <= 20_000:
            raise Found(f"a scale of {scale.ratio}")
        again = asked_scale(scale.text)
        if abs(again.ratio / scale.ratio - 1) > 0.02 and "." not in scale.text:
            raise Found(f"{scale.text} reads as {again.ratio}, not {scale.ratio}")
    options = RequestOptions.from_values({"scale": text})
    if options.asked_scale and not options.asked_scale.ratio * MM_PER_PT > 0:
        raise Found(f"a scale of {options.asked_scale}")


# -- envelopes --------------------------------------------------------------------------------


def read_base64(data: bytes) -> None:
    """A text, and a file that may be base64."""
    describe_base64(data)
    decode_base64(data.decode("latin-1"), "it")


def read_attributes(data: bytes) -> None:
    """The header with options."""
    found = parse_attributes(data.decode("latin-1"))
    RequestOptions.from_values({name: parse_value(name, text) for name, text in found.items()})


def read_multipart(data: bytes) -> None:
    """A header, a line, and a body with it; or a body alone."""
    header, _, body = data.partition(b"\n")
    for content_type in (header.decode("latin-1"), "multipart/form-data; boundary=B"):
        try:
            parts = read_form(body, content_type)
        except RequestError as err:
            check_error(err)
        else:
            if sum(map(len, parts.values())) > len(body):
                raise Found("more comes out than went in")


def read_encoded(data: bytes) -> None:
    """The first byte says how it is compressed."""
    most = 1 << 16
    if len(undo_encoding(data[1:], ("gzip", "deflate")[data[:1] > b"g"], most)) > most:
        raise Found("more than allowed")


def read_request(data: bytes) -> None:
    """A row: header lines, an empty line, the body."""
    head, _, body = data.partition(b"\n\n")
    pairs = (line.partition(b":") for line in head.split(b"\n"))
    headers = {name.decode("latin-1"): value.strip().decode("latin-1") for name, _, value in pairs}
    request = parse_request({"body": body}, headers, LIMITS, ALLOWED)
    if isinstance(request.file, bytes) and len(request.file) > LIMITS.max_bytes * 2:
        raise Found(f"a file of {len(request.file)} bytes")


def read_address(data: bytes) -> None:
    """An S3 address is below a prefix that is allowed, letter by letter."""
    url = data.decode(errors="replace")
    address = ALLOWED.admit(url)
    if url != f"s3://{address.bucket}/{address.key}" or not url.startswith(ALLOWED.prefixes):
        raise Found(f"{url!r} is read as {address}")
    if not url.isascii() or "//" in url[5:] or "/../" in url + "/" or not URL_PATTERN:
        raise Found(f"{url!r} is read")


TARGETS = {
    "base64": Target(read_base64, seeds.base64_texts),
    "attributes": Target(read_attributes, seeds.attributes, 512),
    "request": Target(read_request, seeds.rows),
    "multipart": Target(read_multipart, seeds.forms),
    "encoding": Target(read_encoded, seeds.encoded),
    "address": Target(read_address, seeds.addresses, 512),
    "scale": Target(read_scale, seeds.notes, 512),
    "lines": Target(read_lines, seeds.lines),
    "png": Target(read_file, seeds.pngs, 8192, is_native=True),
    "tiff": Target(read_file, seeds.tiffs, 8192, is_native=True),
    "jpeg": Target(read_file, seeds.jpegs, 8192, is_native=True),
    "other": Target(read_file, seeds.other_pictures, 8192, is_native=True),
    "pdf": Target(read_document, seeds.documents, 16_384, is_native=True),
}
