# SPDX-License-Identifier: AGPL-3.0-or-later
"""Synthetic sheets as PDF pages: to scale, with a text layer, and read as what they are."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pypdfium2 as pdfium
import pytest
from shapely.geometry import Polygon

from plans.synth.plotted import draw_plotted, truth_of
from plans.synth.sheet import SheetSpec
from roomdet.areas import room_areas
from roomdet.pdf_text import read_lines

if TYPE_CHECKING:
    from pathlib import Path

    from plans.synth.plotted import PlottedSheet

SPEC = SheetSpec(3000)
SEEDS = range(8)


@cache
def plotted(seed: int) -> tuple[PlottedSheet, dict[str, Any]]:
    """A sheet and what is known of it."""
    sheet = draw_plotted(seed, SPEC)
    return sheet, truth_of(sheet)


def test_a_sheet_is_a_page_of_its_paper_and_a_function_of_its_seed() -> None:
    """In points; equal bytes for equal seeds."""
    sheet, truth = plotted(0)
    page = pdfium.PdfDocument(sheet.pdf)[0]

    assert page.get_size() == pytest.approx(truth["page_wh_pt"], abs=0.01)
    assert draw_plotted(0, SPEC).pdf == sheet.pdf
    assert plotted(1)[0].pdf != sheet.pdf


def test_rooms_have_the_area_that_their_outline_has_at_their_scale() -> None:
    """In square meters, holes left out."""
    for seed in SEEDS:
        for room in plotted(seed)[1]["rooms"]:
            whole = Polygon(room["polygon"], room.get("holes"))
            m2 = whole.area * (0.0254 / 72 * room["ratio"]) ** 2
            assert m2 == pytest.approx(room["m2"], rel=0.02, abs=0.02)


def test_walls_are_where_the_rooms_end() -> None:
    """Ink around the outline of large rooms more than in their middle."""
    around, inside = [], []
    for seed in SEEDS:
        sheet, truth = plotted(seed)
        pixels = pdfium.PdfDocument(sheet.pdf)[0].render(scale=1).to_numpy()
        dark = pixels.min(axis=2) < 160
        for room in truth["rooms"]:
            xy = np.array(room["polygon"])
            (x0, y0), (x1, y1) = (
                xy.min(axis=0).round().astype(int),
                xy.max(axis=0).round().astype(int),
            )
            if Polygon(xy).area > 0.99 * (x1 - x0) * (y1 - y0) and min(x1 - x0, y1 - y0) > 25:
                around.append(dark[y0 - 3 : y0 + 2, x0:x1].any(axis=0).mean())
                inside.append(dark[y0 + 5 : y0 + 10, x0:x1].any(axis=0).mean())
    assert len(around) > 60
    assert np.mean(around) > 0.8
    assert np.mean(inside) < 0.6 * np.mean(around)


def test_what_is_written_can_be_read_where_it_stands() -> None:
    """Names of rooms in their outline, as text."""
    seen = written = 0
    for seed in SEEDS:
        sheet, truth = plotted(seed)
        page = pdfium.PdfDocument(sheet.pdf)[0]
        w, h = page.get_size()
        lines = read_lines(page)
        for room in truth["rooms"]:
            (x0, y0), (x1, y1) = np.min(room["polygon"], 0), np.max(room["polygon"], 0)
            inner = " ".join(
                line.text
                for line in lines
                if x0 < (line.box_xyxy[0] + line.box_xyxy[2]) / 2 * w < x1
                and y0 < (line.box_xyxy[1] + line.box_xyxy[3]) / 2 * h < y1
            )
            written += bool(room.get("type"))
            seen += all(word in inner for word in room.get("type", "-").split())
    assert written > 200
    assert seen > 0.9 * written


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sheet_that_states_its_scale_is_measured_as_it_is(seed: int) -> None:
    """From the outlines that the generator knows: this is about the reading of scales."""
    sheet, truth = plotted(seed)
    page = pdfium.PdfDocument(sheet.pdf)[0]
    polygons = [np.array(room["polygon"]) / page.get_size() for room in truth["rooms"]]
    boxes = np.array([[*xy.min(axis=0), *xy.max(axis=0)] for xy in polygons])

    areas = room_areas(polygons, boxes, read_lines(page), page.get_size())

    for area, room in zip(areas, truth["rooms"], strict=True):
        assert area.m2 is not None, area.reason
        if "holes" not in room:
            assert area.m2 == pytest.approx(room["m2"], rel=0.02, abs=0.03)
    assert {area.scale_source for area in areas} == {
        "viewport" if truth["stated"] == "AS NOTED" else "title_block"
    }
    printed = [area for area in areas if area.printed_m2 is not None]
    assert sum(bool(area.agrees) for area in printed) >= 0.9 * len(printed)


def test_the_command_writes_documents(tmp_path: Path) -> None:
    """With labels and truth beside them; plans of flats are no sheets."""
    command = [sys.executable, "-m", "plans.synth", "--pdf", "--count", "1", "--out", str(tmp_path)]

    subprocess.run([*command, "--kind", "sheets", "--sheet-px", "3000"], check=True)

    (row,) = [json.loads(line) for line in (tmp_path / "index.jsonl").read_text().splitlines()]
    (truth,) = [json.loads(line) for line in (tmp_path / "rooms.jsonl").read_text().splitlines()]
    assert truth == {"image": row["image"], **json.loads(json.dumps(plotted(0)[1]))}
    assert (tmp_path / "images" / row["image"]).read_bytes() == plotted(0)[0].pdf
    labels = (tmp_path / "labels" / row["image"].replace(".pdf", ".txt")).read_text()
    assert len(labels.splitlines()) == row["rooms"] == len(truth["rooms"])
    wrong = subprocess.run([*command, "--kind", "plans"], check=False, capture_output=True)
    assert wrong.returncode == 2
