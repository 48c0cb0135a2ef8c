# SPDX-License-Identifier: AGPL-3.0-or-later
"""A page is seen as closely as what is on it asks for, what it holds and what is granted."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw

from evaluation.mosaics import KnownPlan, own_sheets
from evaluation.precision import precision
from plans.sample.plan import PLAN_BUILDERS, room_boxes_xyxy_norm
from roomdet.config import Config
from roomdet.errors import ModelError
from roomdet.geometry import iou_matrix
from roomdet.inspection import Ceiling, Inspection
from roomdet.schema import Detail, RequestOptions
from tests.builders import CORNER, corner_pdf, encode, scanned_pdf
from tests.conftest import SAMPLE_PDF, SAMPLE_PNG
from tests.looking import Box, File, ToldDetector, see

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from roomdet.geometry import Boxes, Pixels

PAGE, SHEET = RequestOptions(detail=Detail.PAGE), RequestOptions(detail=Detail.SHEET)
LOWEST = RequestOptions(confidence=0.01, max_rooms=1000)
RED, GREEN = (255, 0, 0), (0, 90, 0)
SIZE_WH = (2560, 1920)


def drawing(
    size_wh: tuple[int, int] = SIZE_WH, rooms: Sequence[Box] = (), text: float = 1
) -> bytes:
    """A picture with lines that are no room, from the left to a part of the width, and red rooms.

    Args:
        size_wh: Size of the picture.
        rooms: Their corners in its pixels.
        text: So much of the width has lines.
    """
    picture = Image.new("RGB", size_wh, "white")
    draw = ImageDraw.Draw(picture)
    width, height = size_wh
    for y in range(0, height if text else 0, 40):
        draw.rectangle((0, y, text * width, y + 23), fill=GREEN)
    for x0, y0, x1, y1 in rooms:
        draw.rectangle((x0, y0, x1 - 1, y1 - 1), fill=RED)
    return encode(picture, "PNG", compress_level=1)


def find_red(pixels: Pixels) -> list[Box]:
    """What a network finds that knows one red room: the box around all that is red."""
    is_red = (pixels == RED).all(axis=2)
    rows, columns = np.flatnonzero(is_red.any(axis=1)), np.flatnonzero(is_red.any(axis=0))
    return [(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)] if rows.size else []


def find_closet(pixels: Pixels) -> list[Box]:
    """What a network finds that takes the middle of whatever it is shown for a small room."""
    x, y = pixels.shape[1] / 2, pixels.shape[0] / 2
    return [(x - 15, y - 15, x + 15, y + 15)]


# -- the shipped network ----------------------------------------------------------------------


@pytest.mark.parametrize("path", [SAMPLE_PNG, SAMPLE_PDF], ids=lambda path: path.name)
def test_a_flat_is_seen_once(path: Path) -> None:
    """With the answer of a single look, whoever asks for one."""
    data = path.read_bytes()
    seen = see(data)

    assert seen.sides_px == [640]
    assert (seen.inspection.level_count, seen.inspection.slices) == (1, 1)
    assert len(seen.found) >= 10
    for other in (see(data, PAGE).found, see(data, config=Config(max_levels=1)).found):
        assert np.array_equal(seen.found.boxes_xyxy, other.boxes_xyxy)
        assert np.array_equal(seen.found.scores, other.scores)


@pytest.fixture(scope="module")
def sheet() -> KnownPlan:
    """Sixteen plans on a sheet of 1600 px."""
    full = own_sheets(4)[0]
    with Image.open(io.BytesIO(full.data)) as picture:
        width, height = picture.size
        smaller = picture.resize((1600, round(1600 * height / width)), Image.Resampling.LANCZOS)
    return KnownPlan(encode(smaller, "PNG"), smaller.size, full.rooms_xyxy_norm)


def test_a_sheet_is_seen_closer_and_more_is_found(sheet: KnownPlan) -> None:
    """Half of what is missed at least, so that other weights pass too; and no closer than it is."""
    closely = see(sheet.data, LOWEST)
    once = see(sheet.data, RequestOptions(confidence=0.01, max_rooms=1000, detail=Detail.PAGE))

    assert (closely.sides_px, once.sides_px) == ([640, 1600], [640])
    assert closely.inspection.largest_px == 1600
    figures, of_one_look = (precision([sheet], [seen.found]) for seen in (closely, once))
    assert 1 - figures.ap50 < (1 - of_one_look.ap50) / 2
    assert 1 - figures.ap50_95 < (1 - of_one_look.ap50_95) / 2


@pytest.mark.parametrize("scale", [0.18, 0.25])
def test_a_small_flat_in_a_corner_has_its_rooms(scale: float) -> None:
    """Eleven, one more or less, where they are; what of the sheet is blank is not looked at."""
    seen = see(corner_pdf(SAMPLE_PDF.read_bytes(), scale), config=Config(max_levels=3))
    left, lower = CORNER
    true_xyxy = np.array(room_boxes_xyxy_norm(PLAN_BUILDERS[0]()), np.float32) * np.float32(scale)
    true_xyxy += np.array([left, 1 - lower - scale] * 2, np.float32)
    is_found = iou_matrix(true_xyxy, seen.found.boxes_xyxy).max(axis=1) > 0.6

    assert 10 <= len(seen.found) <= 12
    assert is_found.sum() >= 10
    assert seen.inspection.level_count == 3
    assert seen.inspection.slices < 6  # of 8


# -- which levels -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "max_levels", "sides_px"),
    [
        pytest.param(RequestOptions(), 4, [640, 1280, 2560, 4160], id="as it asks for"),
        pytest.param(RequestOptions(), 3, [640, 1280, 2560], id="three are granted"),
        pytest.param(RequestOptions(), 2, [640, 1280], id="two are granted"),
        pytest.param(RequestOptions(), 1, [640], id="one is granted"),
        pytest.param(SHEET, 2, [640, 1280], id="and no more for who wants all"),
        pytest.param(PAGE, 4, [640], id="one is wanted"),
    ],
)
def test_levels_are_granted(options: RequestOptions, max_levels: int, sides_px: list[int]) -> None:
    """Of a plan on which small rooms are found; it is read once more for all of them."""
    detector = ToldDetector(find_closet)
    seen = see(
        SAMPLE_PDF.read_bytes(), options, detector=detector, config=Config(max_levels=max_levels)
    )

    assert seen.inspection.level_count == len(sides_px)
    assert seen.inspection.largest_px == sides_px[-1]
    assert seen.sides_px == ([640, sides_px[-1]] if len(sides_px) > 1 else [640])
    assert seen.inspection.slices == len(detector.shown_wh)
    assert max(max(size_wh) for size_wh in detector.shown_wh) <= 1280
    assert not seen.inspection.is_cut_short


def test_the_last_level_is_seen_where_a_room_may_be() -> None:
    """Three levels without so much as a guess are enough, unless the caller wants all."""
    plan = SAMPLE_PDF.read_bytes()

    assert see(plan, detector=ToldDetector()).inspection.level_count == 3
    assert see(plan, SHEET, detector=ToldDetector()).inspection.level_count == 4


@pytest.mark.parametrize(
    ("data", "sides_px"),
    [
        pytest.param(drawing((640, 480)), [640], id="640 px"),
        pytest.param(drawing((780, 585)), [640], id="little more"),
        pytest.param(drawing((800, 600)), [640, 800], id="800 px"),
        pytest.param(drawing((1000, 1600)), [640, 1600], id="1600 px upright"),
        pytest.param(drawing((400, 300)), [640], id="a small picture"),
        pytest.param(scanned_pdf(drawing((1600, 1000))), [640, 1600], id="a scan"),
        pytest.param(
            scanned_pdf(drawing((640, 400)), (1600, 1000)),
            [640],
            id="a coarse scan",
        ),
        pytest.param(drawing((2560, 1920), text=0), [640], id="a blank page"),
    ],
)
@pytest.mark.parametrize("options", [RequestOptions(), SHEET], ids=["auto", "sheet"])
def test_a_page_is_read_no_larger_than_it_is(
    data: bytes, sides_px: list[int], options: RequestOptions
) -> None:
    """Whoever asks for all levels gets those that there are; of a blank page there is one."""
    seen = see(data, options, detector=ToldDetector())

    assert seen.sides_px == sides_px
    assert seen.inspection.largest_px == sides_px[-1]
    assert len(seen.found) == 0


LARGE: Box = (1500, 400, 2300, 1400)
SMALL: Box = (1500, 400, 1700, 560)  # 45 px on the first level


@pytest.mark.parametrize(
    ("rooms", "text", "levels"),
    [
        pytest.param([LARGE], 0, 1, id="a room"),
        pytest.param([LARGE], 0.1, 1, id="a room and a title block"),
        pytest.param([LARGE], 1, 3, id="a room in much else"),
        pytest.param([SMALL], 0, 3, id="a small room"),
        pytest.param([], 0.1, 3, id="no room"),
    ],
)
def test_ink_without_rooms_makes_a_sheet(rooms: list[Box], text: float, levels: int) -> None:
    """Much of it, beside rooms that are large enough to be seen well."""
    seen = see(drawing(rooms=rooms, text=text), detector=ToldDetector(find_red))

    assert seen.inspection.level_count == levels
    assert len(seen.found) == len(rooms)


@pytest.mark.parametrize(
    ("side_px", "count", "is_sheet"),
    [
        pytest.param(85, 8, True, id="eight small rooms"),
        pytest.param(85, 7, False, id="seven"),
        pytest.param(95, 8, False, id="eight larger ones"),
    ],
)
def test_many_small_rooms_make_a_sheet(side_px: int, count: int, *, is_sheet: bool) -> None:
    """Plans of flats side by side, of which all ink lies in rooms that are found."""
    places = [(20 + 150 * column, 20 + 150 * row) for row in range(2) for column in range(4)]
    boxes: list[Box] = [(x, y, x + side_px, y + side_px) for x, y in places[:count]]
    page = Image.new("L", (1280, 960), 255)
    for x0, y0, x1, y1 in boxes:
        ImageDraw.Draw(page).rectangle((2 * x0, 2 * y0, 2 * x1, 2 * y1), outline=0, width=6)
    seen = see(encode(page, "PNG"), detector=ToldDetector(lambda _: boxes))

    assert (seen.inspection.level_count > 1) is is_sheet


@pytest.mark.parametrize(
    "options",
    [
        RequestOptions(confidence=0.99),
        RequestOptions(confidence=0.01),
        RequestOptions(iou=0.0),
        RequestOptions(max_rooms=1),
    ],
    ids=repr,
)
@pytest.mark.parametrize("text", [0.1, 1])
def test_thresholds_do_not_change_what_is_seen(options: RequestOptions, text: float) -> None:
    """Whatever the caller wants of the answer."""
    usual, other = ToldDetector(find_red), ToldDetector(find_red)
    data = drawing((1280, 960), [(750, 200, 1150, 700)], text)
    see(data, detector=usual)
    see(data, options, detector=other)

    assert other.shown_wh == usual.shown_wh


# -- which slices -----------------------------------------------------------------------------


def test_slices_without_open_ink_are_left_out() -> None:
    """Neither blank paper nor a room that was seen well; who wants all gets the room again."""
    at_the_right: Box = (1900, 300, 2500, 1000)
    data = drawing(rooms=[at_the_right], text=0.3)
    auto, everything = ToldDetector(find_red), ToldDetector(find_red)
    seen = see(data, RequestOptions(detail=Detail.AUTO), detector=auto, config=Config(max_levels=3))
    see(data, SHEET, detector=everything, config=Config(max_levels=3))

    # At 1280 px the page fits a slice; at 2560 it has three columns and two rows.
    assert auto.shown_wh[:2] == [(640, 480), (1280, 960)]
    assert len(auto.shown_wh) == 4
    assert len(everything.shown_wh) == 6
    assert_is_found(seen.found.boxes_xyxy, at_the_right)


def assert_is_found(boxes_xyxy: Boxes, room: Box) -> None:
    """One room, where it is."""
    assert boxes_xyxy * (SIZE_WH * 2) == pytest.approx(np.array([room]), abs=8)


def test_a_corridor_longer_than_a_slice_is_one_room() -> None:
    """Its pieces reach the inner edges of slices and are dropped."""
    corridor: Box = (100, 900, 2460, 1000)
    seen = see(drawing(rooms=[corridor]), detector=ToldDetector(find_red))

    assert seen.inspection.slices > 4
    assert_is_found(seen.found.boxes_xyxy, corridor)


# -- how long ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "levels", "slices"),
    [
        pytest.param(1, 1, 1, id="for the first level alone"),
        pytest.param(2, 2, 2, id="for the second, too"),
        pytest.param(5, 3, 5, id="for some slices of the third"),
        pytest.param(50, 3, 8, id="for all"),
    ],
)
def test_time_is_granted(
    monkeypatch: pytest.MonkeyPatch, seconds: int, levels: int, slices: int
) -> None:
    """No slice is begun after it; the answer is of what was seen."""
    now_s = 100.0

    def find(pixels: Pixels) -> list[Box]:
        nonlocal now_s
        now_s += 1
        return find_red(pixels)

    monkeypatch.setattr("roomdet.inspection.time", SimpleNamespace(monotonic=lambda: now_s))
    room: Box = (300, 300, 700, 700)
    file = File(drawing(rooms=[room]))
    ceiling = Ceiling(levels=3, ends_s=now_s + seconds)
    inspection = Inspection(ToldDetector(find), file.read_at(640), SHEET, ceiling)
    while side_px := inspection.next_side_px():
        inspection.look(file.read_at(side_px).pixels)

    assert (inspection.level_count, inspection.slices) == (levels, slices)
    assert inspection.is_cut_short is (seconds < 50)
    assert_is_found(inspection.rooms().boxes_xyxy, room)


def test_the_worker_is_granted_what_its_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """From when its page is looked at, whatever was served before it."""
    now_s = 100.0

    def find(pixels: Pixels) -> list[Box]:
        nonlocal now_s
        now_s += 6
        return find_red(pixels)

    clock = SimpleNamespace(monotonic=lambda: now_s)
    monkeypatch.setattr("roomdet.inspection.time", clock)
    monkeypatch.setattr("benchmarks.in_process.time", clock)
    granted = see(drawing((2560, 1920)), SHEET, detector=ToldDetector(find), config=Config())

    assert granted.inspection.slices == 3  # at 0, 6 and 12 of 15 s
    assert granted.inspection.is_cut_short


def test_a_page_that_is_no_sheet_is_never_cut_short() -> None:
    """Time may be over after its only look; it has lost nothing by that."""
    flat = see(SAMPLE_PNG.read_bytes(), config=Config(max_seconds=0))

    assert not flat.inspection.is_cut_short
    assert len(flat.found) >= 10


@pytest.mark.parametrize("has_frame", [True, False])
def test_a_cell_at_the_frame_of_a_sheet_is_no_room(*, has_frame: bool) -> None:
    """One in the same place without a frame is."""
    width, height = SIZE_WH
    picture = Image.open(io.BytesIO(drawing(rooms=[(2300, 1700, 2500, 1860)], text=0.7)))
    if has_frame:
        frame = (60, 60, width - 60, height - 60)
        ImageDraw.Draw(picture).rectangle(frame, outline="black", width=4)
    seen = see(encode(picture, "PNG"), LOWEST, detector=ToldDetector(find_red))

    assert seen.inspection.level_count > 1
    assert len(seen.found) == (0 if has_frame else 1)


def test_a_little_ink_on_a_large_page_is_looked_at() -> None:
    """A plan on a twentieth of the page, which is hardly any ink of the slice that has it."""
    plan = Image.new("L", (2560, 1920), 255)
    with Image.open(SAMPLE_PNG) as picture:
        plan.paste(picture.convert("L").resize((128, 91), Image.Resampling.LANCZOS), (300, 1500))
    seen = see(encode(plan, "PNG"))

    assert seen.inspection.level_count >= 3


def test_numbers_that_are_none_are_an_error() -> None:
    """On any level; they must not become boxes."""

    def find(pixels: Pixels) -> list[Box]:
        return [(np.nan, 0, 9, 9)] if len(pixels) > 480 else []

    with pytest.raises(ModelError, match="not finite"):
        see(drawing(), detector=ToldDetector(find))
