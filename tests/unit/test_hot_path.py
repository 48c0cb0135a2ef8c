# SPDX-License-Identifier: AGPL-3.0-or-later
"""The stages of a request add up, and their table in the documentation is the measured one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from PIL import Image

from benchmarks import hot_path
from roomdet import images, pictures
from tests.builders import draw_plan, encode
from tests.conftest import SAMPLE_PDF, SAMPLE_PNG

if TYPE_CHECKING:
    from roomdet.config import Limits
    from roomdet.page import Page

ROOT: Final = Path(__file__).parents[2]


def spin(seconds: float) -> None:
    """Use the processor for so long."""
    until_s = time.process_time() + seconds
    while time.process_time() < until_s:
        pass


def test_stage_is_timed_without_what_is_within() -> None:
    """What an inner stage took is not counted twice."""
    clock = hot_path.Clock()
    began_s = time.process_time()
    with clock.stage("decode"):
        spin(0.02)
        with clock.stage("resize"):
            spin(0.05)
    whole_s = time.process_time() - began_s

    # Other threads of the process count, too, so that neither is just what was spun.
    assert clock.cpu_s["decode"] >= 0.02
    assert clock.cpu_s["resize"] >= 0.05
    assert sum(clock.cpu_s.values()) == pytest.approx(whole_s, abs=0.01)


def test_watched_function_is_put_back() -> None:
    """Even where what is measured fails."""
    before = pictures._at_size
    with pytest.raises(RuntimeError), hot_path.Clock().watch(pictures, "_at_size", "resize"):
        raise RuntimeError

    assert pictures._at_size is before


def test_every_stage_of_a_picture_takes_time(tmp_path: Path) -> None:
    """No stage measures a function that the request no longer goes through."""
    path = tmp_path / "plan.png"
    path.write_bytes(encode(draw_plan(), "PNG"))

    measured = hot_path.measure([path], rounds=2)["plan.png"]

    assert list(measured["stages"]) == list(hot_path.STAGES)
    assert all(taken["ms"] > 0 for taken in measured["stages"].values())


def test_page_of_a_document_is_not_resized() -> None:
    """PDFium renders at the working size."""
    taken = hot_path.measure([SAMPLE_PDF], rounds=2)["plan.pdf"]["stages"]

    assert taken["resize"]["ms"] == 0 < taken["decode"]["ms"]


def test_sheet_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the handler does it."""
    path, sides_px, read_page = tmp_path / "sheet.png", [], images.read_page
    sheet = Image.new("L", (1240, 877), 255)
    with Image.open(SAMPLE_PNG) as plan:
        sheet.paste(plan.convert("L").resize((400, 283)), (100, 100))
    sheet.save(path)

    def read(data: bytes, *, page: int, side_px: int, limits: Limits) -> Page:
        sides_px.append(side_px)
        return read_page(data, page=page, side_px=side_px, limits=limits)

    monkeypatch.setattr(images, "read_page", read)
    hot_path.measure([path], rounds=1)

    assert sides_px == [640, 1240] * (hot_path.WARM_UP + 1)


def test_documentation_shows_the_measured_table(tmp_path: Path) -> None:
    """`--into` would change nothing, and there is something to change."""
    shown = (ROOT / "docs/hot-path.md").read_text("utf-8")
    copy = tmp_path / "hot-path.md"
    copy.write_text(shown, "utf-8")
    results = ROOT / "benchmarks/results/hot-path.json"

    assert hot_path.main(["--into", str(copy), str(results)]) == 0

    assert copy.read_text("utf-8") == shown
    assert hot_path.as_table(json.loads(results.read_text("utf-8"))) in shown
