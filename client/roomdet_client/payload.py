# SPDX-License-Identifier: AGPL-3.0-or-later
"""Make a plan small enough to be sent, and never smaller than what the detector looks at."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomdet_client.errors import PayloadTooLarge
from roomdet_client.pages import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from PIL import Image


# Longer side of the finest level that a sheet is seen on (docs/api.md, Sheets): a picture that is
# larger is reduced to it by the server, so nothing is lost that it would look at.
LEVEL_PX = 4160
# The server refuses pictures of more.
SERVER_PIXELS = 150_000_000
# JPEG qualities; below 75 the strokes of letters and thin walls break up (docs/client.md).
_QUALITIES = (92, 85, 75)
_COMPARED_PX = 1000
_PNG_LEVEL = 3  # of 9; a page of lines is far below every limit, and a photograph takes long


@dataclass(frozen=True)
class Payload:
    """What is sent for one page.

    Attributes:
        data: A picture or PDF.
        page: The page to ask for, counted from 1.
        sent_as: In words.
    """

    data: bytes
    page: int
    sent_as: str = "as it is"


def fit(
    plan: Plan, page: int, limit_bytes: int, *, may_lose: bool = True, may_draw: bool = True
) -> Payload:
    """The largest form of a page that may be sent, exact ones first.

    In this order: the file as it is; the page of a PDF alone; the page with a longer side of
    :data:`LEVEL_PX`, without further loss; the same as JPEG.

    Args:
        plan: What to send.
        page: Which page of it, counted from 1.
        limit_bytes: The largest body.
        may_lose: False leaves JPEG out.
        may_draw: False leaves pictures of PDF pages out: they have no text.

    Raises:
        PayloadTooLarge: If none is small enough.
        PlanUnreadable: If the file is too large and cannot be read here.
    """
    if len(plan.data) <= limit_bytes and (plan.is_pdf or not _has_too_many_pixels(plan, page)):
        return Payload(plan.data, page)
    for data, sent_as in _forms(plan, page, may_lose=may_lose, may_draw=may_draw):
        if len(data) <= limit_bytes:
            return Payload(data, 1, sent_as)
    raise PayloadTooLarge(
        f"{plan.name} has {len(plan.data):,} bytes; {limit_bytes:,} can be sent, and page {page} "
        f"does not fit with a longer side of {LEVEL_PX} px; let the server read it from S3 "
        "(docs/client.md)"
    )


def _has_too_many_pixels(plan: Plan, page: int) -> bool:
    if len(plan.data) < SERVER_PIXELS // 20_000:  # no format packs more into a byte
        return False
    try:
        sheet = plan.sheet(page)
    except Exception:  # noqa: BLE001 - the server says better what is wrong with it
        return False
    return sheet.width * sheet.height > SERVER_PIXELS


def _forms(plan: Plan, page: int, *, may_lose: bool, may_draw: bool) -> Iterator[tuple[bytes, str]]:
    if plan.is_pdf:
        alone = plan.page_alone(page)
        # What the document says of its layers is lost where it is taken apart.
        if _same(plan.render(page, _COMPARED_PX), Plan(alone).render(1, _COMPARED_PX)):
            yield alone, f"page {page} alone"
        if not may_draw:
            return
        picture = plan.render(page, LEVEL_PX)
    else:
        picture = plan.upright(page, LEVEL_PX)
        if picture.mode not in ("1", "L", "P", "RGB"):
            picture = plan.render(page, LEVEL_PX)
    picture = _plain(picture)
    size = f"{picture.width} x {picture.height} px"
    yield _saved(picture, "PNG", compress_level=_PNG_LEVEL), f"PNG of {size}"
    picture = picture if picture.mode in ("L", "RGB") else picture.convert("RGB")
    for quality in _QUALITIES if may_lose else ():
        yield _saved(picture, "JPEG", quality=quality), f"JPEG of {size}, quality {quality}"


def _same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and one.tobytes() == other.tobytes()


def _plain(picture: Image.Image) -> Image.Image:
    """Gray where every pixel of an RGB picture is: a third of the samples."""
    if picture.mode != "RGB":
        return picture
    red, green, blue = picture.split()
    return red if red.tobytes() == green.tobytes() == blue.tobytes() else picture


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()
