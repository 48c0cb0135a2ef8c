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

# A folder of real sheets in PDF, looked at beside the drawn one; none is part of this project.
SHEETS = "VIEWER_PDFS"
# A real one of 48 x 36 in has 95,416 paths.
STROKES = 95_000
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


def busy_sheets() -> list[Path | None]:
    """One that is drawn here, and whichever a developer has."""
    folder = os.environ.get(SHEETS)
    return [None, *(sorted(Path(folder).glob("*.pdf")) if folder else ())]


@pytest.mark.parametrize("sheet", busy_sheets(), ids=lambda sheet: sheet.stem if sheet else "drawn")
def test_busy_sheets_pan_and_zoom(
    sheet: Path | None, page: ViewerPage, capsys: pytest.CaptureFixture[str]
) -> None:
    """First sight in seconds, then a zoom from the whole sheet to a door handle, and a pan."""
    data = sheet.read_bytes() if sheet else a1_sheet(SAMPLE_PDF.read_bytes(), strokes=STROKES)
    page.open()
    started_s = time.monotonic()
    page.drop("sheet.pdf", data)
    page.page.wait_for_selector("#stage[data-sharp=true]")
    first_s = time.monotonic() - started_s
    page.wait()
    found_s, found = time.monotonic() - started_s, page.rows.count()
    show_plan_alone(page)
    seconds = []
    for keys in ("++", "++", "++", "++"):
        page.press(*keys)
        started_s = time.monotonic()
        wait_for_tiles(page)
        seconds.append(time.monotonic() - started_s)
    before = stage_pixels(page)
    stage = page.page.locator("#stage").bounding_box()
    assert stage
    started_s = time.monotonic()
    page.drag((stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2), (180, 120))
    wait_for_tiles(page)
    seconds.append(time.monotonic() - started_s)
    with capsys.disabled():
        steps = ", ".join(f"{step:.1f}" for step in seconds)
        print(
            f"\n{sheet.name if sheet else 'drawn'}: sheet after {first_s:.1f} s, {found} rooms "
            f"after {found_s:.1f} s, sharp again after {steps} s"
        )
    assert sheet or found > 100
    assert stage_pixels(page).min() < PLAIN_TO_SEE
    assert (stage_pixels(page) != before).any()
    assert max(seconds) < 20
