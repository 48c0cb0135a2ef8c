# SPDX-License-Identifier: AGPL-3.0-or-later
"""Large sheets: thin walls at every level, rooms that are found, smooth enough to work with."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.conftest import SAMPLE_PDF
from tests.viewer.page import a1_sheet

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.viewer.page import ViewerPage

# A folder of real sheets in PDF; they are no part of this project.
SHEETS = "VIEWER_PDFS"
PLAIN_TO_SEE = 170


def stage_pixels(page: ViewerPage) -> np.ndarray:
    """What the stage shows, in gray."""
    shot = page.page.locator("#stage").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("L"))


def show_plan_alone(page: ViewerPage) -> None:
    """Leave rooms and labels away."""
    for name in ("Drafts", "Accepted"):
        page.page.get_by_label(name).uncheck()


def wait_for_tiles(page: ViewerPage) -> None:
    """Until nothing moves and each tile that is to be seen is there."""
    last, calm = None, 0
    while calm < 3:
        page.page.wait_for_selector("#stage[data-sharp=true]")
        now = page.page.locator("#zoom-fit").text_content()
        calm = calm + 1 if now == last else 0
        last = now
        page.page.wait_for_timeout(50)


def test_an_a1_sheet_is_shown_with_its_rooms_and_thin_walls(
    page: ViewerPage, shoot: Callable[[Page, str], None]
) -> None:
    """Most of its 132 rooms are found; a hairline of 0.1 pt is plain to see however far away."""
    page.open()
    page.drop("sheet.pdf", a1_sheet(SAMPLE_PDF.read_bytes()))
    page.wait()
    assert page.rows.count() > 100
    wait_for_tiles(page)
    shoot(page.page, "sheet")
    show_plan_alone(page)
    darkest = {}
    for name, keys in (("out", "--"), ("whole", "0"), ("near", "+++"), ("close", "+++")):
        page.press(*keys)
        wait_for_tiles(page)
        pixels = stage_pixels(page)
        # Between two plans there is nothing but, at the sheet's edge, its frame.
        middle = pixels[pixels.shape[0] // 2]
        darkest[name] = int(middle.min())
    assert all(dark <= PLAIN_TO_SEE for dark in darkest.values()), darkest
    page.page.get_by_label("Drafts").check()
    page.press("n", "z")
    page.settled(1)
    wait_for_tiles(page)
    shoot(page.page, "sheet-near")


@pytest.mark.skipif(SHEETS not in os.environ, reason=f"{SHEETS} names a folder of real sheets")
@pytest.mark.parametrize("name", ["apartments.pdf", "finish-plan.pdf"])
def test_real_sheets_pan_and_zoom(
    name: str, page: ViewerPage, capsys: pytest.CaptureFixture[str]
) -> None:
    """First sight in seconds, then a zoom from the whole sheet to a door handle."""
    data = (Path(os.environ[SHEETS]) / name).read_bytes()
    page.open()
    started_s = time.monotonic()
    page.drop(name, data)
    page.page.wait_for_selector("#stage[data-sharp=true]")
    first_s = time.monotonic() - started_s
    page.wait()
    found_s, found = time.monotonic() - started_s, page.rows.count()
    show_plan_alone(page)
    seconds = []
    for _ in range(4):
        page.press("+", "+")
        started_s = time.monotonic()
        wait_for_tiles(page)
        seconds.append(time.monotonic() - started_s)
    with capsys.disabled():
        steps = ", ".join(f"{step:.1f}" for step in seconds)
        print(
            f"\n{name}: sheet after {first_s:.1f} s, {found} rooms after "
            f"{found_s:.1f} s, sharp again after {steps} s"
        )
    assert stage_pixels(page).min() < PLAIN_TO_SEE
    assert max(seconds) < 20
