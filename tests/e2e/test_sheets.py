# SPDX-License-Identifier: AGPL-3.0-or-later
"""A sheet through TorchServe: its rooms come back, and the metrics say how closely it was seen."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.builders import corner_pdf
from tests.conftest import SAMPLE_PDF
from tests.e2e.scrape import scrape, scrape_until
from tests.e2e.wire import OPTIONS_HEADER, multipart, post

if TYPE_CHECKING:
    from serving.server import LocalServer
    from tests.e2e.scrape import Scrape

LEVELS, SLICES = "roomdet_levels_total", "roomdet_slices_total"


def has_more_levels(before: Scrape, found: Scrape, *, more: int) -> bool:
    """Whether the metrics of what was asked for have arrived."""
    return found.value(LEVELS) >= before.value(LEVELS) + more


def test_a_flat_in_the_corner_of_a_sheet_has_its_rooms(server: LocalServer) -> None:
    """Eleven, one more or less, seen on all levels; in one look there are fewer."""
    sheet = corner_pdf(SAMPLE_PDF.read_bytes(), 0.18)
    before = scrape(server.url)

    closely = post(server, sheet)
    once = post(server, sheet, **{OPTIONS_HEADER: "detail=page"})

    assert 10 <= len(closely.rooms) <= 12
    assert len(once.rooms) < 9
    largest = max(
        max(x1 - x0, y1 - y0) for x0, y0, x1, y1 in (room["bounding_box"] for room in closely.rooms)
    )
    assert largest < 90  # the flat has 180
    after = scrape_until(server.url, partial(has_more_levels, before, more=5))
    assert after.value(LEVELS) == before.value(LEVELS) + 4 + 1
    # One slice a level is enough for a flat that small.
    assert after.value(SLICES) >= before.value(SLICES) + 4 + 1
    assert after.value("roomdet_cut_short_total") == before.value("roomdet_cut_short_total")


def test_a_form_may_ask_for_one_look(server: LocalServer) -> None:
    """With the answer that the header gives."""
    sheet = corner_pdf(SAMPLE_PDF.read_bytes(), 0.25)
    body, content_type = multipart(image=sheet, detail=b"page")

    asked = post(server, body, content_type)

    assert asked.rooms == post(server, sheet, **{OPTIONS_HEADER: "detail=page"}).rooms
    assert post(server, sheet, **{OPTIONS_HEADER: "detail=all"}).status == 400
