# SPDX-License-Identifier: AGPL-3.0-or-later
"""Plans are made small enough to be sent, and never smaller than what is looked at."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from roomdet.config import Limits
from roomdet.images import read_page
from roomdet.slices import LEVELS
from roomdet_client import PayloadTooLarge, RoomClient
from roomdet_client.pages import Plan
from roomdet_client.payload import LEVEL_PX, fit
from tests.builders import a1_sheet, encode, plan_pdf, scanned_pdf
from tests.unit.answering import ROOM, answering, found

LIMIT = 4 * 2**20
INPUT_PX = 640


def noise(wh: tuple[int, int], mode: str = "RGB") -> Image.Image:
    """What no format makes small."""
    chance = np.random.default_rng(20)
    shape = (wh[1], wh[0], 3) if mode == "RGB" else (wh[1], wh[0])
    return Image.fromarray(chance.integers(0, 256, shape, np.uint8))


def opened(data: bytes) -> Image.Image:
    """A picture, loaded."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def test_the_levels_are_the_handlers() -> None:
    """The finest level of a sheet, which nothing is shrunk below."""
    assert LEVELS[-1] * INPUT_PX == LEVEL_PX


def test_what_fits_is_sent_as_it_is() -> None:
    """Whatever it is: even what cannot be read here."""
    for data in (b"no plan at all", plan_pdf(pages=2), a1_sheet("g4.tiff")):
        payload = fit(Plan(data), 1, LIMIT)
        assert (data, 1, "as it is") == (payload.data, payload.page, payload.sent_as)


def test_a_large_scan_is_reduced_to_the_finest_level() -> None:
    """Without further loss: every pixel is that of the reduction."""
    data = encode(opened(a1_sheet("g4.tiff")).convert("L"), "BMP")
    payload = fit(Plan(data), 1, LIMIT)
    sent = opened(payload.data)

    assert len(data) > 60_000_000
    assert len(payload.data) <= LIMIT
    assert LEVEL_PX == max(sent.size)
    assert payload.sent_as.startswith("PNG of 4160 x 2938")
    assert np.array_equal(
        np.asarray(sent.convert("RGB")), np.asarray(Plan(data).render(1, LEVEL_PX))
    )


@pytest.mark.parametrize("wh", [(4800, 1000), (9000, 1600)], ids=["1.15 times", "2.16 times"])
def test_the_reduction_is_the_servers(wh: tuple[int, int]) -> None:
    """What the client reduces looks to the network as what the server would have reduced."""
    picture = Image.new("L", wh, "white")
    draw = ImageDraw.Draw(picture)
    for x in range(40, wh[0], 97):
        draw.line((x, 0, x + x % 50, wh[1]), fill=0, width=1 + x % 5)
    data = encode(picture, "BMP")
    ours = np.asarray(opened(fit(Plan(data), 1, LIMIT).data).convert("RGB")).astype(int)
    theirs = read_page(data, page=1, side_px=LEVEL_PX, limits=Limits(max_bytes=10**9)).pixels

    assert ours.shape == theirs.shape
    difference = np.abs(ours - theirs.astype(int))
    assert difference.mean() < 0.5
    assert (difference > 32).mean() < 0.001


def test_a_smaller_picture_keeps_its_pixels() -> None:
    """Only the format changes."""
    wh = (3000, 2000)
    picture = Image.new("RGB", wh, "white")
    picture.paste(noise((900, 900)), (100, 100))
    data = encode(picture, "BMP")
    payload = fit(Plan(data), 1, LIMIT)

    assert wh == opened(payload.data).size
    assert np.array_equal(np.asarray(picture), np.asarray(opened(payload.data).convert("RGB")))


def test_a_photograph_is_sent_as_jpeg_at_the_end() -> None:
    """With the finest level's pixels still; with S3 at hand it is not."""
    smooth = noise((1100, 250), "L").resize((4400, 1000), Image.Resampling.BICUBIC)
    data = encode(smooth, "PNG", compress_level=1)
    limit = 1_500_000
    payload = fit(Plan(data), 1, limit)

    assert payload.sent_as.startswith("JPEG of 4160 x 945 px, quality ")
    assert LEVEL_PX == max(opened(payload.data).size)
    with pytest.raises(PayloadTooLarge):
        fit(Plan(data), 1, limit, may_lose=False)


def test_what_cannot_be_made_small_is_said() -> None:
    """It is not sent with fewer pixels."""
    data = encode(noise((1000, 800)), "PNG", compress_level=1)
    with pytest.raises(PayloadTooLarge, match=r"200,000 can be sent, and page 1 does not fit"):
        fit(Plan(data), 1, 200_000)


def test_the_page_of_a_set_of_plans_is_sent_alone() -> None:
    """Its lines still lines, and its page asked for as the first."""
    pages = [noise((700, 500)), Image.new("RGB", (300, 200), "red"), noise((700, 500))]
    book = io.BytesIO()
    pages[0].save(book, "PDF", save_all=True, append_images=pages[1:], quality=95)
    limit = 100_000
    assert len(book.getvalue()) > limit
    payload = fit(Plan(book.getvalue()), 2, limit)

    assert (1, "page 2 alone") == (payload.page, payload.sent_as)
    assert payload.data.startswith(b"%PDF-")
    assert 1 == Plan(payload.data).page_count
    red = np.asarray(Plan(payload.data).render(1, 300)).reshape(-1, 3).mean(axis=0)
    assert red == pytest.approx([254, 0, 0], abs=3)


def test_a_page_that_is_too_large_alone_is_drawn() -> None:
    """As large as the finest level."""
    picture = Image.new("RGB", (5000, 1500), "white")
    picture.paste(noise((1200, 1200)), (100, 100))
    data = scanned_pdf(encode(picture, "JPEG", quality=95))
    payload = fit(Plan(data), 1, 10**6)

    assert len(data) > 2 * 10**6
    assert LEVEL_PX == max(opened(payload.data).size)


def test_the_client_tells_what_it_sent() -> None:
    """And asks for the first page of what it sent, but answers for the one that was asked for."""
    pages = [noise((700, 500)), Image.new("RGB", (300, 200), "red")]
    book = io.BytesIO()
    pages[0].save(book, "PDF", save_all=True, append_images=pages[1:], quality=95)
    with (
        answering(lambda *_: (200, found(ROOM))) as server,
        RoomClient(server.url, limit_bytes=100_000) as client,
    ):
        detection = client.detect(book.getvalue(), page=2)

    assert server.asked[0].options is None
    assert 1 == Plan(server.asked[0].body).page_count
    assert ("page 2 alone", 2, 2) == (detection.sent_as, detection.page, detection.page_count)
