# SPDX-License-Identifier: AGPL-3.0-or-later
"""Names, outlines and areas are shown, saved and taken along; another box has none of them."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.conftest import SAMPLE_PDF
from tests.unit.answering import answering, found
from tests.viewer.conftest import opened, running_viewer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.viewer.page import ViewerPage

RING: list[list[float]] = [
    [100, 150],
    [400, 150],
    [400, 300],
    [250.5, 300],
    [250.5, 450],
    [100, 450],
    [100, 150],
]
AREA = {"m2": 12.31, "scale": "1:100", "scale_source": "title_block", "printed_m2": 12.5,
        "agrees": True}  # fmt: skip
ROOMS: list[dict[str, object]] = [
    {"id": "room_001", "bounding_box": [100, 150, 400, 450], "confidence": 0.93,
     "name_hint": "Master bedroom with a <b>view</b>", "polygon": RING, "area": AREA},
    {"id": "room_002", "bounding_box": [450, 150, 700, 450], "confidence": 0.9,
     "name_hint": "Kök", "polygon": None, "polygon_reason": "it is open", "area": None,
     "area_reason": "no outline"},
    {"id": "room_003", "bounding_box": [450, 500, 700, 800], "confidence": 0.8,
     "name_hint": None, "polygon": None, "polygon_reason": "it is open", "area": None,
     "area_reason": "no outline"},
]  # fmt: skip
_POINTS = """shape => {
  const {e: x, f: y} = shape.getScreenCTM();
  return [...shape.points].map((point) => [point.x + x, point.y + y]);
}"""


@pytest.fixture
def known(browser: Browser, tmp_path: Path) -> Iterator[ViewerPage]:
    """The sample plan in a page, whose server says more of rooms than their boxes."""
    with (
        answering(lambda *_: (200, found(*ROOMS))) as server,
        running_viewer(None, tmp_path / "saved", server.url) as viewer,
        opened(browser, viewer.url) as page,
    ):
        page.viewer = viewer
        page.open()
        page.drop("house.pdf", SAMPLE_PDF.read_bytes())
        page.wait()
        page.counts(0, 3)
        yield page
        assert {"confidence=0.05;max_rooms=1000;include=name,polygon,area"} == {
            asked.options for asked in server.asked
        }


def drawn(page: ViewerPage, number: int) -> list[list[float]]:
    """Corners of a room's outline on the screen."""
    points: list[list[float]] = page.room(number).locator(".shape").evaluate(_POINTS)
    return points


def test_they_are_shown(known: ViewerPage) -> None:
    """An outline for its box, name and area in the list and on the plan, the source of an area."""
    shape, edge = (known.room(1).locator(kind) for kind in (".shape", ".edge"))
    expect(shape).to_be_visible()
    assert shape.evaluate("shape => getComputedStyle(shape).strokeDasharray") != "none"
    assert edge.evaluate("edge => getComputedStyle(edge).strokeWidth") == "0px"
    expect(known.room(2).locator(".shape")).to_be_hidden()
    place = known.settled(1)
    corners = [
        (place.x + place.width * (x - 100) / 300, place.y + place.height * (y - 150) / 300)
        for x, y in RING[:-1]
    ]
    assert drawn(known, 1)[:6] == [pytest.approx(corner, abs=1) for corner in corners]

    rows = [known.rows.nth(index) for index in range(3)]
    texts = [row.locator(".room-name") for row in rows]
    for text, name in zip(texts, (ROOMS[0]["name_hint"], "Kök", "Room 3"), strict=True):
        expect(text).to_have_text(str(name))
    expect(rows[0].locator(".area")).to_have_text("12.3 m²")
    expect(rows[0].locator(".name")).to_have_attribute(
        "title",
        f"{ROOMS[0]['name_hint']}, 12.31 m² at 1:100 (title block); 12.5 m² on the plan",
    )
    expect(known.room(2).locator("text")).to_have_text("Kök  0.90")
    known.page.mouse.move(*known.rect(1).center)
    expect(known.rows.nth(0)).to_have_class("draft hovered")
    assert known.axe() == []


def test_an_outline_is_that_of_its_box(known: ViewerPage) -> None:
    """It turns solid with it; moved or resized, the room is a box again, and keeps its name."""
    known.press("n", "Enter")
    shape = known.room(1).locator(".shape")
    assert shape.evaluate("shape => getComputedStyle(shape).strokeDasharray") == "none"
    known.press("p", "ArrowRight")
    expect(shape).to_be_hidden()
    expect(known.rows.nth(0).locator(".area")).to_be_hidden()
    expect(known.rows.nth(0).locator(".room-name")).to_have_text(str(ROOMS[0]["name_hint"]))
    known.press("Control+z")
    expect(shape).to_be_visible()
    expect(known.rows.nth(0).locator(".area")).to_have_text("12.3 m²")


def test_they_are_saved_and_taken_along(known: ViewerPage, tmp_path: Path) -> None:
    """What trains has boxes; the page has it all again; JSON and CSV have it, too."""
    known.press("a", "Control+s")
    expect(known.page.locator("#toast")).to_contain_text("3 rooms of 1 page")
    label = (tmp_path / "saved" / "labels" / "house-p1.txt").read_text().splitlines()
    coco = json.loads((tmp_path / "saved" / "annotations.json").read_text())["annotations"]
    assert len(label) == 3
    assert [a.get("attributes", {}).get("name") for a in coco] == [
        room["name_hint"] for room in ROOMS
    ]

    known.page.reload()
    known.wait("saved")
    expect(known.room(1).locator(".shape")).to_be_visible()
    expect(known.rows.nth(0).locator(".area")).to_have_text("12.3 m²")
    known.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    known.button("Export").click()
    known.button("Copy as JSON").click()
    expect(known.page.locator("#toast")).to_contain_text("3 rooms copied")
    copied = json.loads(known.page.evaluate("navigator.clipboard.readText()"))["detected_rooms"]
    assert (copied[0]["name_hint"], copied[0]["polygon"], copied[0]["area"]) == (
        ROOMS[0]["name_hint"], RING, AREA,
    )  # fmt: skip
    assert "name_hint" not in copied[2]
    known.button("Export").click()
    with known.page.expect_download() as download:
        known.button("Table (CSV)").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8"))))
    assert [(row["name"], row["area_m2"], row["scale_source"]) for row in rows] == [
        (ROOMS[0]["name_hint"], "12.31", "title_block"), ("Kök", "", ""), ("", "", ""),
    ]  # fmt: skip
