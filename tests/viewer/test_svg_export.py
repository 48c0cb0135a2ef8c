# SPDX-License-Identifier: AGPL-3.0-or-later
"""SVG exports in a browser: the plan is to be seen, and rooms lie over it where they were found."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageColor

from roomdet_client.drawing import COLORS
from roomdet_client.exports import FORMATS
from tests.exporting import BOXES, CONFIDENCES, KNOWN_NAMES, RING, known_page, pages
from tests.viewer.conftest import opened

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    from playwright.sync_api import Browser, Page

    from roomdet_client.exports import ExportPage

PAGES = {page.stem: page for page in pages()}
# A picture that the browser scales is not what PDFium draws, but near it.
SAME_INK = 6
TINT = 0.19
_RECTANGLES = """() => [...document.querySelectorAll('#rooms > rect')].map((rect) => {
  const {x, y, width, height} = rect.getBBox();
  const shown = rect.getBoundingClientRect();
  return {box: [x, y, x + width, y + height], screen: [shown.left, shown.top, shown.right,
    shown.bottom], title: rect.querySelector('title').textContent};
})"""

_OUTLINE = """() => [...document.querySelector('#rooms > polygon').points].map(
  (point) => [point.x, point.y])"""
_NAMES = """() => [...document.querySelectorAll('#names > text')].map((name) => {
  const {left, right, top, bottom} = name.getBoundingClientRect();
  return [name.textContent, [(left + right) / 2, (top + bottom) / 2]];
})"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an SVG of each page."""
    folder = tmp_path_factory.mktemp("svg")
    FORMATS["svg"].write(list(PAGES.values()), folder)
    return folder


def boxes_of(page: ExportPage) -> list[tuple[float, ...]]:
    """Rooms in the page's unit: left, top, right, bottom."""
    wide, high = page.sheet.width, page.sheet.height
    return [
        (x0 * wide / 1000, y0 * high / 1000, x1 * wide / 1000, y1 * high / 1000)
        for x0, y0, x1, y1 in BOXES[: len(page.rooms)]
    ]


def drawn(page: ExportPage) -> npt.NDArray[np.int16]:
    """The page as the client draws it, a pixel for each of its units, RGB."""
    longer = round(max(page.sheet.width, page.sheet.height))
    return np.asarray(page.plan.render(page.page, longer).convert("RGB")).astype(np.int16)


def screenshot(page: Page, wide: int, high: int) -> npt.NDArray[np.int16]:
    """RGB of the window's upper left."""
    shot = page.screenshot(clip={"x": 0, "y": 0, "width": wide, "height": high})
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(np.int16)


def free_of_rooms(
    boxes: list[tuple[float, ...]], shape_hw: tuple[int, int]
) -> npt.NDArray[np.bool]:
    """Which pixels no room and no room's line touches."""
    free = np.ones(shape_hw, bool)
    for x0, y0, x1, y1 in boxes:
        free[int(y0) - 4 : int(y1) + 5, int(x0) - 4 : int(x1) + 5] = False
    return free


def assert_same_ink(
    plan: npt.NDArray[np.int16], pixels: npt.NDArray[np.int16], free: npt.NDArray[np.bool]
) -> None:
    """Where no room lies, paper is paper, and what is drawn has its color."""
    drawn_on = free & (plan.min(axis=2) < 200)
    assert np.abs(plan - pixels)[free].mean() < SAME_INK
    assert drawn_on.any() or plan.min() == 255  # a page may be blank
    assert not drawn_on.any() or np.abs(plan - pixels)[drawn_on].mean() < 4 * SAME_INK


@pytest.mark.parametrize("stem", list(PAGES))
def test_a_browser_shows_the_plan_with_its_rooms(
    stem: str, browser: Browser, exported: Path
) -> None:
    """In the page's own unit, nothing loaded from elsewhere; around the rooms as it was drawn."""
    page, address = PAGES[stem], (exported / f"{stem}.svg").as_uri()
    wide, high = round(page.sheet.width), round(page.sheet.height)
    expected = boxes_of(page)
    with opened(browser, address, viewport={"width": wide, "height": high}) as shown:
        shown.page.goto(address)
        found = shown.page.evaluate(_RECTANGLES)
        assert shown.page.evaluate("document.querySelector('title').textContent") == page.file
        pixels = screenshot(shown.page, wide, high)

    assert len(found) == len(expected)
    for number, (rect, box) in enumerate(zip(found, expected, strict=True)):
        assert box == pytest.approx(tuple(rect["box"]), abs=0.011)
        assert box == pytest.approx(tuple(rect["screen"]), abs=max(wide, high) / 500)
        assert rect["title"] == f"room_00{number + 1}, confidence {CONFIDENCES[number]:.2f}"
    plan = drawn(page)
    assert plan.shape == pixels.shape
    for number, box in enumerate(expected):
        left, top, right, bottom = (round(side) for side in box)
        within = np.s_[top + 3 : bottom - 3, left + 3 : right - 3]
        color = np.array(ImageColor.getrgb(COLORS[number]))
        inside = pixels[within].mean(axis=(0, 1))
        tinted = (1 - TINT) * plan[within].mean(axis=(0, 1)) + TINT * color
        assert inside == pytest.approx(tinted, abs=SAME_INK)
        edge = pixels[top - 1 : top + 2, left + 3 : right - 3].mean(axis=1)
        assert np.abs(edge - color).sum(axis=1).min() < np.abs(inside - color).sum()
    assert_same_ink(plan, pixels, free_of_rooms(expected, (high, wide)))


def test_outlines_and_names_lie_where_they_were_found(browser: Browser, tmp_path: Path) -> None:
    """The L of a room is tinted and the rest of its box is not; its name stands within it."""
    page = known_page()
    FORMATS["svg"].write([page], tmp_path)
    address = (tmp_path / "known.svg").as_uri()
    with opened(browser, address, viewport={"width": 1000, "height": 800}) as shown:
        shown.page.goto(address)
        outline = shown.page.evaluate(_OUTLINE)
        names = shown.page.evaluate(_NAMES)
        pixels = screenshot(shown.page, 1000, 800)

    ring = [(x, y * 0.8) for x, y in RING[:-1]]
    assert ring == [pytest.approx(tuple(point), abs=0.011) for point in outline]
    assert [text for text, _ in names] == [f"{KNOWN_NAMES[0]}, 12.3 m²", KNOWN_NAMES[1]]
    for (_, (x, y)), (x0, y0, x1, y1) in zip(names, BOXES, strict=False):
        assert x0 < x < x1
        assert y0 * 0.8 < y < y1 * 0.8
    plan, color = drawn(page), np.array(ImageColor.getrgb(COLORS[0]))
    inside, notch = np.s_[145:185, 110:140], np.s_[145:195, 260:395]
    tinted = (1 - TINT) * plan[inside].mean(axis=(0, 1)) + TINT * color
    assert pixels[inside].mean(axis=(0, 1)) == pytest.approx(tinted, abs=SAME_INK)
    assert np.abs(pixels[notch] - plan[notch]).mean() < 1


def test_it_is_shown_within_another_page(browser: Browser, exported: Path, tmp_path: Path) -> None:
    """As an <img>, which may load nothing, the plan and its rooms are there, too."""
    page = PAGES["ground floor"]
    (tmp_path / "plan.svg").write_bytes((exported / "ground floor.svg").read_bytes())
    holder = tmp_path / "page.html"
    holder.write_text('<body style="margin:0"><img src="plan.svg" alt="a plan"></body>')
    with opened(browser, tmp_path.as_uri(), viewport={"width": 1000, "height": 800}) as shown:
        shown.page.goto(holder.as_uri())
        size = "[document.images[0].naturalWidth, document.images[0].naturalHeight]"
        assert shown.page.evaluate(size) == [1000, 800]
        pixels = screenshot(shown.page, 1000, 800)

    plan = drawn(page)
    assert_same_ink(plan, pixels, free_of_rooms(boxes_of(page), (800, 1000)))
    inside = pixels[BOXES[0][1] * 8 // 10 + 20 : BOXES[0][3] * 8 // 10 - 20, 120:380]
    assert np.abs(plan[100:180, 120:380].mean() - inside.mean()) > SAME_INK
