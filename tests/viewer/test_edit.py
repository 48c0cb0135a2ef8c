# SPDX-License-Identifier: AGPL-3.0-or-later
"""Put rooms right, save them, come back to them, take them along."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from playwright.sync_api import expect
from pycocotools.coco import COCO

from plans.plan_sets import read_plan_set
from roomdet_client.viewer.plan_set import Room
from tests.conftest import SAMPLE_PDF, SAMPLE_PNG
from tests.viewer.page import Rect, document_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from playwright.sync_api import Page

    from tests.viewer.page import ViewerPage

PLAN, PICTURE = SAMPLE_PDF.read_bytes(), SAMPLE_PNG.read_bytes()


def with_plan(page: ViewerPage, name: str = "house.pdf", data: bytes = PLAN) -> None:
    """Open the page with a plan and its 11 drafts."""
    page.open()
    page.drop(name, data)
    page.wait()
    page.counts(0, 11)


def select(page: ViewerPage, number: int) -> Rect:
    """Click a room; where it is."""
    page.page.mouse.click(*page.rect(number).center)
    expect(page.room(number)).to_have_class(re.compile("selected"))
    return page.settled(number)


def test_a_draft_turns_solid_when_it_is_accepted(page: ViewerPage) -> None:
    """By key, by its button and all at once; undo makes drafts of them again."""
    with_plan(page)
    page.press("n", "Enter")
    page.counts(1, 10)
    edge = page.room(1).locator(".edge")
    assert edge.evaluate("edge => getComputedStyle(edge).strokeDasharray") == "none"
    # Enter goes on to the next.
    expect(page.room(2)).to_have_class("room draft selected")
    page.button("Accept room 5").click()
    page.counts(2, 9)
    page.button("Accept 9 drafts").click()
    page.counts(11, 0)
    page.button("Make room 5 a draft again").click()
    page.counts(10, 1)
    page.press("Control+z", "Control+z", "Control+z", "Control+z")
    page.counts(0, 11)
    expect(page.button("Undo")).to_be_disabled()
    page.press("Control+y", "Control+Shift+Z")
    page.counts(2, 9)


def test_accepting_all_takes_those_above_the_slider(page: ViewerPage) -> None:
    """What the slider hides stays a draft."""
    with_plan(page)
    page.page.get_by_label("Confidence").fill("89")
    expect(page.rows).not_to_have_count(11)
    above = page.rows.count()
    assert 0 < above < 11
    page.page.locator("h1").click()
    page.press("a")
    page.counts(above, 0)
    page.page.get_by_label("Confidence").fill("25")
    page.counts(above, 11 - above)


def test_a_room_is_moved_resized_drawn_and_deleted(
    page: ViewerPage, shoot: Callable[[Page, str], None]
) -> None:
    """With the mouse; each step is undone and done again."""
    with_plan(page)
    before = select(page, 6)
    page.drag(before.center, (30, 20))
    moved = page.rect(6)
    assert moved.is_near(Rect(before.x + 30, before.y + 20, before.width, before.height))

    corner = (moved.x + moved.width, moved.y + moved.height)
    page.drag(corner, (25, -15))
    resized = page.rect(6)
    assert resized.is_near(Rect(moved.x, moved.y, moved.width + 25, moved.height - 15))
    page.drag((resized.x, resized.center[1]), (-12, 40))
    wider = page.rect(6)
    assert wider.is_near(Rect(resized.x - 12, resized.y, resized.width + 12, resized.height))
    # A person who has put a box right has accepted it.
    page.counts(1, 10)
    shoot(page.page, "edit")

    page.press("d")
    hall = page.rect(9)
    page.drag((hall.x + 30, hall.y + 10), (120, 30))
    page.counts(2, 10)
    drawn = page.rect(int(page.rooms.last.get_attribute("data-number") or 0))
    assert drawn.is_near(Rect(hall.x + 30, hall.y + 10, 120, 30))
    page.press("Escape")
    expect(page.button("Draw rooms")).to_have_attribute("aria-pressed", "false")
    page.press("Delete")
    page.counts(1, 10)

    for _ in range(5):
        page.press("Control+z")
    page.counts(0, 11)
    assert page.settled(6).is_near(before)
    for _ in range(3):
        page.press("Control+y")
    assert page.settled(6).is_near(wider)


def test_a_room_stops_at_the_edge_of_the_page(page: ViewerPage) -> None:
    """Pulled far outside it keeps its size; pulled through itself it keeps an area."""
    with_plan(page)
    before = select(page, 2)
    page.drag(before.center, (-900, -700))
    at_edge = page.rect(2)
    assert abs(at_edge.width - before.width) < 2
    page.drag((at_edge.x + at_edge.width, at_edge.center[1]), (-900, 0))
    assert 3.9 <= page.rect(2).width <= 4.2


def test_a_room_is_edited_by_keyboard_alone(page: ViewerPage) -> None:
    """Arrows move it, with Alt resize it, with Shift further; one undo takes a run of them back."""
    with_plan(page)
    page.press("n")
    before = page.settled(1)
    page.press("ArrowRight", "ArrowRight", "Shift+ArrowDown")
    assert page.settled(1).is_near(
        Rect(before.x + 2, before.y + 10, before.width, before.height), 1
    )
    page.press("Alt+Shift+ArrowRight", "Alt+ArrowUp")
    after = page.settled(1)
    assert after.is_near(Rect(before.x + 2, before.y + 10, before.width + 10, before.height - 1), 1)
    page.press("Control+z", "Control+z")
    assert page.settled(1).is_near(before, 1)
    page.counts(0, 11)
    page.press("Backspace")
    page.counts(0, 10)


def test_dragging_elsewhere_pans_and_the_wheel_zooms(page: ViewerPage) -> None:
    """Over rooms, too, unless they are selected."""
    with_plan(page)
    before = page.settled(7)
    page.page.mouse.move(*before.center)
    page.page.mouse.wheel(0, -240)
    page.page.wait_for_timeout(100)
    zoomed = page.settled(7)
    assert zoomed.width > before.width * 1.15
    page.drag(zoomed.center, (-80, 30))
    panned = page.settled(7)
    assert panned.is_near(Rect(zoomed.x - 80, zoomed.y + 30, zoomed.width, zoomed.height))
    page.counts(0, 11)


def test_what_is_saved_trains_and_comes_back(page: ViewerPage, tmp_path: Path) -> None:
    """YOLO and COCO hold what was accepted; a page that is loaded again shows it, drafts too."""
    (tmp_path / "plans" / "house.pdf").write_bytes(document_of(PLAN, PLAN))
    (tmp_path / "plans" / "photo.png").write_bytes(PICTURE)
    page.open("house.pdf")
    page.wait()
    page.press("n", "Enter", "Enter", "Delete")
    page.counts(2, 8)
    page.press("Control+s")
    status = page.page.locator("#toast")
    expect(status).to_contain_text("Saved 2 rooms of 1 page; 8 drafts left out.")
    expect(status).to_contain_text(f"make train DATA='{tmp_path / 'saved'}'")
    page.press("a")
    page.counts(10, 0)
    page.button("Save").click()
    expect(status).to_contain_text("Saved 10 rooms of 1 page.")
    page.open("photo.png")
    page.page.reload()
    page.wait()
    page.press("a", "Control+s")
    expect(status).to_contain_text("of 1 page.")

    house, photo = sorted(
        read_plan_set(tmp_path / "saved").samples, key=lambda entry: entry.path.name
    )
    assert (house.path.name, photo.path.name) == ("house-p1.png", "photo.png")
    assert (len(house.boxes_xywhn), house.is_complete) == (10, True)
    assert photo.path.read_bytes() == PICTURE
    coco = COCO(tmp_path / "saved" / "annotations.json")
    assert len(coco.getAnnIds(imgIds=[1])) == 10
    saved = page.viewer.plan_set.find("house.pdf", 1)
    assert saved
    widths = [room.box[2] - room.box[0] for room in saved.accepted]
    assert np.allclose(sorted(widths), sorted(house.boxes_xywhn[:, 2]), atol=1e-5)

    page.open("house.pdf")
    page.page.reload()
    page.wait("saved")
    page.counts(10, 0)
    expect(page.page.locator(".document", has_text="house.pdf")).to_contain_text("saved")
    page.press("PageDown")
    page.wait()
    page.counts(0, 11)


def test_finding_again_keeps_what_was_accepted(page: ViewerPage) -> None:
    """No draft comes back over an accepted room; deleted drafts do; it can be undone."""
    with_plan(page)
    page.press("n", "Enter", "Delete")
    page.counts(1, 9)
    page.press("r")
    page.counts(1, 10)
    page.press("Control+z")
    page.counts(1, 9)


def test_nothing_accepted_is_not_saved_as_an_empty_page(page: ViewerPage, tmp_path: Path) -> None:
    """Training would learn that the plan has no rooms."""
    with_plan(page)
    page.press("Control+s")
    expect(page.page.locator("#toast")).to_contain_text("Nothing is accepted yet")
    assert not (tmp_path / "saved").exists()


def test_a_folder_that_cannot_be_saved_to_says_so(page: ViewerPage, tmp_path: Path) -> None:
    """Somebody else's plan set is left alone, and the page names another way."""
    (tmp_path / "saved" / "labels").mkdir(parents=True)
    page.open()
    expect(page.page.get_by_role("alert")).to_contain_text("--save")
    page.drop("house.pdf", PLAN)
    page.wait()
    page.press("a", "Control+s")
    expect(page.page.get_by_role("alert")).to_contain_text("Not saved")
    assert [path.name for path in (tmp_path / "saved").iterdir()] == ["labels"]


def test_rooms_are_taken_along(page: ViewerPage) -> None:
    """JSON in the answer's form, a table, and a picture with the rooms drawn on it."""
    with_plan(page, 'a "house".pdf')
    page.press("n", "Enter")
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.button("Export").click()
    page.button("Copy as JSON").click()
    expect(page.page.locator("#toast")).to_contain_text("11 rooms copied")
    copied = json.loads(page.page.evaluate("navigator.clipboard.readText()"))
    assert [room["id"] for room in copied["detected_rooms"]] == [
        f"room_{number:03}" for number in range(1, 12)
    ]
    assert [room["accepted"] for room in copied["detected_rooms"]] == [True] + [False] * 10
    assert all(
        0 <= side <= 1000 for room in copied["detected_rooms"] for side in room["bounding_box"]
    )

    page.button("Export").click()
    with page.page.expect_download() as download:
        page.button("Table (CSV)").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8"))))
    assert [row["document"] for row in rows] == ['a "house".pdf'] * 11
    assert [row["state"] for row in rows] == ["accepted"] + ["draft"] * 10
    assert [int(rows[0][side]) for side in ("x_min", "y_min", "x_max", "y_max")] == copied[
        "detected_rooms"
    ][0]["bounding_box"]

    page.button("Export").click()
    with page.page.expect_download() as download:
        page.button("Picture (PNG)").click()
    with Image.open(download.value.path()) as image:
        assert max(image.size) == 4096
        left, top, *_ = copied["detected_rooms"][0]["bounding_box"]
        # On the plate, left of its letters.
        at = (left * image.width // 1000 + 6, top * image.height // 1000 + 6)
        red, green, _ = image.convert("RGB").getpixel(at)  # type: ignore[misc]
        assert green > red, "the label's plate is that of an accepted room"


def test_many_rooms_stay_quick(page: ViewerPage, capsys: pytest.CaptureFixture[str]) -> None:
    """300 rooms are shown, panned and edited; a frame of a pan takes no half second."""
    boxes = [
        (0.03 + 0.047 * column, 0.04 + 0.062 * row, 0.07 + 0.047 * column, 0.09 + 0.062 * row)
        for column in range(20)
        for row in range(15)
    ]
    entry = page.viewer.shelf.drop("many.png", PICTURE)
    rooms = tuple(Room(box, 0.3 + index / 600, accepted=False) for index, box in enumerate(boxes))
    with Image.open(SAMPLE_PNG) as image:
        page.viewer.plan_set.save(entry.name, 1, PICTURE, ".png", image.size, rooms, complete=False)
    page.open("many.png")
    page.wait("saved")
    page.counts(0, 300)
    page.page.evaluate(
        """() => {
          window.frames_ms = [];
          let last = performance.now();
          const tick = (now) => {
            window.frames_ms.push(now - last);
            last = now;
            requestAnimationFrame(tick);
          };
          requestAnimationFrame(tick);
        }"""
    )
    start = page.page.locator("#stage").bounding_box()
    assert start
    middle = (start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.page.mouse.move(*middle)
    page.page.mouse.down()
    for step in range(30):
        page.page.mouse.move(middle[0] + 4 * step, middle[1] + 2 * step)
    page.page.mouse.up()
    frames = sorted(page.page.evaluate("window.frames_ms"))
    with capsys.disabled():
        print(
            f"\n300 rooms: median frame {frames[len(frames) // 2]:.0f} ms, worst {frames[-1]:.0f}"
        )
    assert frames[len(frames) // 2] < 500
    page.press("n", "Enter", "a")
    page.counts(300, 0)
    page.press("Control+z", "Delete")
    page.counts(1, 298)
