# SPDX-License-Identifier: AGPL-3.0-or-later
"""Drop a plan, look at its rooms, step through them, on screens of all sizes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from roomdet_client import RoomClient
from tests.conftest import ROOT, SAMPLE_PDF
from tests.contract.test_viewer_server import closed_port
from tests.viewer.conftest import opened
from tests.viewer.page import document_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from roomdet_client.viewer.server import Viewer
    from serving.server import LocalServer
    from tests.viewer.page import ViewerPage

PLAN = SAMPLE_PDF.read_bytes()


def dashes(page: ViewerPage, number: int) -> str:
    """How a room's edge is drawn."""
    edge = page.room(number).locator(".edge")
    drawn: str = edge.evaluate("edge => getComputedStyle(edge).strokeDasharray")
    return drawn


def test_a_dropped_plan_shows_its_rooms(
    page: ViewerPage, shoot: Callable[[Page, str], None]
) -> None:
    """Dashed drafts, as many on the plan as in the list; axe has nothing to say."""
    page.open()
    expect(page.page.get_by_role("heading", name="Drop a plan")).to_be_visible()
    assert page.axe() == []
    page.drop("house.pdf", PLAN)
    page.wait()

    page.counts(0, 11)
    assert dashes(page, 1) != "none"
    assert page.axe() == []
    shoot(page.page, "light")


def test_the_slider_shows_and_hides_drafts(page: ViewerPage) -> None:
    """With mouse, keyboard and the keys [ and ]; accepted rooms stay whatever it says."""
    page.open()
    page.drop("house.pdf", PLAN)
    page.wait()
    page.page.get_by_label("Confidence").fill("100")
    page.counts(0, 0)
    page.page.get_by_label("Confidence").fill("5")
    expect(page.rows.nth(11)).to_be_attached()
    page.page.get_by_label("Confidence").press("Home")
    page.press("n", "Enter")
    page.page.get_by_label("Confidence").fill("100")
    page.counts(1, 0)
    page.page.locator("h1").click()
    page.press("[", "[")
    expect(page.page.locator("#threshold-value")).to_have_text("90 %")
    page.press("]")
    expect(page.page.locator("#threshold-value")).to_have_text("95 %")


def test_next_and_previous_bring_a_room_into_view(page: ViewerPage) -> None:
    """By key, in the list's order and around; a room outside the view is moved into it."""
    page.open()
    page.drop("house.pdf", PLAN)
    page.wait()
    page.press("n")
    expect(page.rows.nth(0).get_by_role("button").first).to_have_attribute("aria-current", "true")
    page.press("p")
    expect(page.rows.nth(10).get_by_role("button").first).to_have_attribute("aria-current", "true")
    page.press("n")
    whole = page.settled(1)
    page.press("z")
    near = page.settled(1)
    assert near.width > 1.5 * whole.width
    page.press("n")
    stage = page.page.locator("#stage").bounding_box()
    assert stage
    inside = page.settled(2)
    assert stage["x"] <= inside.center[0] <= stage["x"] + stage["width"]
    assert stage["y"] <= inside.center[1] <= stage["y"] + stage["height"]
    page.press("0")
    assert page.settled(1).is_near(whole)


def test_hovering_marks_a_room_in_both_places(page: ViewerPage) -> None:
    """From the plan and from the list."""
    page.open()
    page.drop("house.pdf", PLAN)
    page.wait()
    page.page.mouse.move(*page.rect(3).center)
    expect(page.rows.nth(2)).to_have_class("draft hovered")
    page.rows.nth(4).hover()
    expect(page.room(5)).to_have_class("room draft hovered")
    expect(page.room(3)).to_have_class("room draft")


def test_layers_are_switched_on_and_off(page: ViewerPage) -> None:
    """Plan, accepted rooms, drafts and labels, each alone."""
    page.open()
    page.drop("house.pdf", PLAN)
    page.wait()
    page.press("n", "Enter")
    page.page.get_by_label("Drafts").uncheck()
    page.counts(1, 0)
    page.page.get_by_label("Accepted").uncheck()
    page.counts(0, 0)
    page.page.get_by_label("Accepted").check()
    page.page.get_by_label("Drafts").check()
    page.counts(1, 10)
    expect(page.room(7).locator("text")).to_be_visible()
    page.page.get_by_label("Labels").uncheck()
    expect(page.room(7).locator("text")).to_be_hidden()
    before = page.page.locator("#stage").screenshot()
    page.page.get_by_role("checkbox", name="Plan").uncheck()
    page.page.wait_for_timeout(300)
    assert len(page.page.locator("#stage").screenshot()) < len(before) / 2


def test_pages_are_turned(page: ViewerPage) -> None:
    """By key, button and picture; each page has rooms, and keeps what was done to it."""
    page.open()
    page.drop("two plans.pdf", document_of(None, PLAN, PLAN))
    page.wait()
    page.counts(0, 0)
    expect(page.page.locator("#page-number")).to_have_text("1 / 3")
    page.press("PageDown")
    page.wait()
    page.counts(0, 11)
    page.press("n", "Enter")
    page.counts(1, 10)
    page.button("Next page").click()
    page.wait()
    page.counts(0, 11)
    expect(page.button("Next page")).to_be_disabled()
    page.button("Page 2").click()
    expect(page.page.locator("#page-number")).to_have_text("2 / 3")
    page.counts(1, 10)


def test_dark_keeps_its_contrast(page: ViewerPage, shoot: Callable[[Page, str], None]) -> None:
    """Axe measures it; the choice outlasts the page; the plan's paper turns dark, or not."""
    page.open()
    page.drop("house.pdf", PLAN)
    page.wait()
    page.button("Light or dark").click()
    page.page.locator("h1").click()
    page.press("n", "Enter", "Enter")
    page.counts(2, 9)
    assert page.axe() == []
    canvas = page.page.locator("#stage canvas").first
    expect(canvas).to_have_css("filter", re.compile("invert"))
    shoot(page.page, "dark")
    page.page.get_by_label("Dark paper").uncheck()
    expect(canvas).to_have_css("filter", "none")


def test_the_server_is_away_and_comes_back(
    page: ViewerPage, shoot: Callable[[Page, str], None]
) -> None:
    """The plan is shown, the address that does not answer is named, and one click tries again."""
    there = page.viewer.client
    page.viewer.client = RoomClient(f"http://127.0.0.1:{closed_port()}")
    page.open()
    page.drop("house.pdf", PLAN)
    page.wait("failed")
    alert = page.page.get_by_role("alert")
    expect(alert).to_contain_text("The server that finds rooms does not answer")
    expect(alert).to_contain_text(page.viewer.client.where)
    assert page.axe() == []
    shoot(page.page, "away")

    page.viewer.client = there
    page.button("Try again").click()
    page.wait()
    page.counts(0, 11)
    expect(alert).to_be_hidden()


def test_a_refusal_is_shown_as_the_server_said_it(page: ViewerPage) -> None:
    """The real server's own words, of a plan that the viewer shows and the server refuses."""
    page.open()
    # An object that no page uses, after the end: PDFium skips it, the server counts its pixels.
    unused = b"\n99 0 obj<</Width 50000/Height 50000>>stream\nendstream endobj\n"
    page.drop("wall.pdf", PLAN + unused)
    page.wait("failed")
    expect(page.page.get_by_role("alert")).to_contain_text("2,500,000,000")


def test_a_file_that_is_no_plan_says_so(page: ViewerPage) -> None:
    """The one that was open stays."""
    page.open()
    page.drop("house.pdf", PLAN)
    page.wait()
    page.drop("letter.docx", b"PK\x03\x04 not a plan")
    expect(page.page.get_by_role("alert")).to_contain_text("letter.docx could not be opened")
    page.button("Dismiss").click()
    page.counts(0, 11)


def test_the_command_serves_until_it_is_stopped(
    browser: Browser, server: LocalServer, tmp_path: Path
) -> None:
    """``roomdet view FILE`` prints its address; once it has ended, the page says what has."""
    plan = tmp_path / "house.pdf"
    plan.write_bytes(PLAN)
    command = [sys.executable, "-m", "roomdet_client", "view", str(plan), "--url", server.url]
    command += ["--save", str(tmp_path / "saved"), "--no-browser"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "client")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        with opened(browser, url) as page:
            page.page.goto(url)
            page.wait()
            page.counts(0, 11)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            page.press("r")
            expect(page.page.get_by_role("alert")).to_contain_text("roomdet view")


@pytest.mark.parametrize(
    ("name", "context"),
    [
        (
            "phone",
            {
                "viewport": {"width": 390, "height": 844},
                "has_touch": True,
                "device_scale_factor": 2,
            },
        ),
        ("tablet", {"viewport": {"width": 820, "height": 1180}, "has_touch": True}),
        ("4k", {"viewport": {"width": 3840, "height": 2160}}),
    ],
)
def test_it_fits_screens_of_all_sizes(
    name: str,
    context: dict[str, object],
    browser: Browser,
    viewer: Viewer,
    shoot: Callable[[Page, str], None],
) -> None:
    """Nothing is cut off or overlaps, letters can be read, and a tap selects."""
    with opened(browser, viewer.url, **context) as page:
        page.viewer = viewer
        page.open()
        page.drop("house.pdf", document_of(PLAN, PLAN))
        page.wait()
        page.counts(0, 11)
        if name == "4k":
            page.page.mouse.click(*page.rect(7).center)
        else:
            page.page.touchscreen.tap(*page.rect(7).center)
        expect(page.room(7)).to_have_class(re.compile("selected"))
        assert page.axe() == []
        wide, tall = page.page.evaluate(
            "[document.documentElement.scrollWidth - innerWidth,"
            " document.documentElement.scrollHeight - innerHeight]"
        )
        assert wide <= 0
        assert tall <= 0
        buttons = page.page.locator("header button:visible")
        places = [buttons.nth(index).bounding_box() for index in range(buttons.count())]
        ends = [place["x"] + place["width"] for place in places if place]
        assert max(ends) <= page.page.viewport_size["width"]  # type: ignore[index]
        assert all(place and place["height"] >= (28 if name == "4k" else 32) for place in places)
        letters = page.page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
        assert letters >= (20 if name == "4k" else 14)
        if name == "phone":
            shoot(page.page, name)


def test_help_and_export_open_by_keyboard_and_pass_axe(page: ViewerPage) -> None:
    """With the focus on their buttons, Enter opens and Escape closes them."""
    page.open()
    page.drop("house.pdf", PLAN)
    page.wait()
    for opener, sheet in (("Keys", "#help-sheet"), ("Export", "#export-menu")):
        page.button(opener).focus()
        page.press("Enter")
        expect(page.page.locator(sheet)).to_be_visible()
        assert page.axe() == []
        page.press("Escape")
        expect(page.page.locator(sheet)).to_be_hidden()
    page.counts(0, 11)
