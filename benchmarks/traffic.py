# SPDX-License-Identifier: AGPL-3.0-or-later
"""Mixed requests, each a function of its number alone: plans of all kinds, and callers' mistakes.

Sizes, options and formats hardly ever repeat, so that whatever keeps something for each kind of
request is seen to grow.
"""

from __future__ import annotations

import base64
import io
import json
import random
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image

from tests.e2e.wire import BOMB, OPTIONS_HEADER, multipart, pdf

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    _Maker: TypeAlias = Callable[[random.Random], "Request"]

SEED = 20
SHEET_EVERY = 250  # requests
MISTAKE_SHARE = 0.17
PDF_SHARE = 0.09
LARGEST_PX = 1400
_PLAN_PNG, _PLAN_PDF = Path("docs/sample/plan.png"), Path("docs/sample/plan.pdf")
# Mode, format and how to save it.
_FORMS: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("L", "PNG", {"compress_level": 1}),
    ("RGB", "PNG", {"compress_level": 1}),
    ("RGBA", "PNG", {"compress_level": 1}),
    ("P", "PNG", {"compress_level": 1}),
    ("1", "PNG", {"compress_level": 1}),
    ("L", "JPEG", {"quality": 80}),
    ("RGB", "JPEG", {"quality": 80}),
    ("RGB", "JPEG", {"quality": 80, "progressive": True}),
    ("CMYK", "JPEG", {"quality": 80}),
    ("1", "TIFF", {"compression": "group4"}),
    ("L", "TIFF", {"compression": "tiff_lzw"}),
    ("RGB", "TIFF", {"compression": "jpeg"}),
    ("RGB", "WEBP", {"quality": 80, "method": 0}),
    ("RGB", "BMP", {}),
    ("P", "GIF", {}),
)
_JSON, _OCTETS = "application/json", "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Request:
    """A request and the status that its answer must have.

    Attributes:
        kind: For counting.
        body: As sent.
        status: Expected.
        headers: As sent.
        path: Of the address.
        is_abandoned: The caller hangs up without waiting for the answer.
    """

    kind: str
    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": _OCTETS})
    path: str = "/invocations"
    is_abandoned: bool = False


def request(
    number: int, sheets: Sequence[tuple[str, bytes]] = (), *, largest_px: int = LARGEST_PX
) -> Request:
    """The request of a number.

    Args:
        number: From 0.
        sheets: Names and contents of large files, of which every 250th request is one.
        largest_px: Longest side of an ordinary picture.
    """
    chance = random.Random(f"{SEED} {number}")  # noqa: S311  # nothing secret
    if sheets and number % SHEET_EVERY == SHEET_EVERY - 1:
        name, content = sheets[number // SHEET_EVERY % len(sheets)]
        return Request(f"sheet {name}", content)
    if chance.random() < MISTAKE_SHARE:
        return chance.choice(_MISTAKES)(chance)
    if chance.random() < PDF_SHARE:
        return _pdf(chance)
    way = chance.choices((_file, _json, _form, _abandoned), (78, 12, 9, 1))[0]
    return way(chance, *picture(chance, largest_px))


def picture(chance: random.Random, largest_px: int) -> tuple[str, bytes]:
    """Part of the sample plan in some size, shape, mode and format; what it is, and the file."""
    width, height = (chance.randint(64, largest_px) for _ in range(2))
    mode, kind, how = chance.choice(_FORMS)
    plan = _plan()
    left, top = chance.randrange(plan.width // 2), chance.randrange(plan.height // 2)
    box = (left, top, plan.width, plan.height)
    part = plan.resize((width, height), Image.Resampling.NEAREST, box=box).convert(mode)
    buffer = io.BytesIO()
    part.save(buffer, kind, **how)
    return f"{kind} {mode}", buffer.getvalue()


def _file(chance: random.Random, kind: str, body: bytes) -> Request:
    options = (
        f"confidence={chance.uniform(0.05, 0.9):.4f};max_rooms={chance.randint(1, 300)};"
        f"detail={chance.choice(('auto', 'page'))}"
    )
    headers = {"Content-Type": _OCTETS, OPTIONS_HEADER: options}
    return Request(kind, body, headers=headers)


def _json(chance: random.Random, _: str, file: bytes) -> Request:
    document = {"image": base64.b64encode(file).decode(), "iou": round(chance.random(), 4)}
    return Request("JSON", json.dumps(document).encode(), headers={"Content-Type": _JSON})


def _form(_: random.Random, __: str, file: bytes) -> Request:
    body, content_type = multipart(image=file)
    return Request("form", body, headers={"Content-Type": content_type})


def _pdf(chance: random.Random) -> Request:
    pages = chance.randint(1, 4)
    if pages == 1:
        return Request("PDF drawn", _PLAN_PDF.read_bytes())
    headers = {"Content-Type": _OCTETS, OPTIONS_HEADER: f"page={chance.randint(1, pages)}"}
    return Request("PDF scanned", _scan(pages), headers=headers)


def _abandoned(_: random.Random, __: str, file: bytes) -> Request:
    return Request("abandoned", file, is_abandoned=True)


def _wrong_file(why: str, body: Callable[[random.Random], bytes], status: int = 400) -> _Maker:
    return lambda chance: Request(f"mistake: {why}", body(chance), status)


def _wrong_json(why: str, body: Callable[[random.Random], bytes]) -> _Maker:
    headers = {"Content-Type": _JSON}
    return lambda chance: Request(f"mistake: {why}", body(chance), 400, headers)


def _wrong_option(text: str) -> _Maker:
    headers = {"Content-Type": _OCTETS, OPTIONS_HEADER: text}
    return lambda _: Request(f"mistake: {text}", _PLAN_PNG.read_bytes(), 400, headers)


def _wrong_path(_: random.Random) -> Request:
    return Request("mistake: path", b"hello", 404, path="/nothing")


@cache
def _plan() -> Image.Image:
    with Image.open(_PLAN_PNG) as plan:
        return plan.convert("RGB")


@cache
def _scan(pages: int, password: str | None = None) -> bytes:
    return pdf(pages, password)


_MISTAKES: tuple[_Maker, ...] = (
    _wrong_file("empty", lambda _: b""),
    _wrong_file("text", lambda chance: f"hello {chance.random()}".encode()),
    _wrong_file("noise", lambda chance: chance.randbytes(chance.randint(1, 100_000))),
    _wrong_file("ZIP", lambda chance: b"PK\x03\x04" + chance.randbytes(1000)),
    _wrong_file("cut PNG", lambda chance: _PLAN_PNG.read_bytes()[: chance.randint(100, 20_000)]),
    _wrong_file("damaged PDF", lambda chance: _PLAN_PDF.read_bytes()[: chance.randint(20, 900)]),
    _wrong_file("locked PDF", lambda _: _scan(2, "locked")),
    _wrong_file("too many pixels", lambda _: BOMB, 413),
    _wrong_json("no base64", lambda _: b'{"image": "????"}'),
    _wrong_json("no image", lambda chance: b'{"%d": 1}' % chance.randrange(10**9)),
    _wrong_json("cut JSON", lambda chance: b'{"image": "%d' % chance.randrange(10**9)),
    _wrong_json("wrong option", lambda _: b'{"image": "aGVsbG8=", "confidence": 2}'),
    _wrong_option("page=2"),
    _wrong_option("zoom=1"),
    _wrong_option("confidence=high"),
    _wrong_path,
)
