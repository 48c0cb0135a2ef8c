# SPDX-License-Identifier: AGPL-3.0-or-later
"""Synthetic floors of large buildings, whole sheets, and the tiles that are cut from them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from shapely import affinity
from shapely.geometry import Polygon, box
from shapely.ops import unary_union

from plans.synth import strips, tables, views
from plans.synth.buildings import LEAST_ROOMS, MOST_ROOMS, build_large_floor
from plans.synth.cad import draw_cad
from plans.synth.canvas import Canvas
from plans.synth.floor import Kind, OpeningKind
from plans.synth.measured import layout_to_large_floor, main_axis_deg, straighten
from plans.synth.planview import RoomPx
from plans.synth.sheet import Sheet, SheetSpec, draw_sheet
from plans.synth.tiles import cut_tiles, draw_levels, visible_rooms

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from plans.synth.floor import Floor

SEEDS = 30
SMALL = 1000  # pixels of a sheet that is drawn quickly
FLOORS = [build_large_floor(np.random.default_rng(seed)) for seed in range(SEEDS)]


def slanted_layout() -> dict[str, object]:
    """Two rows of ten rooms beside a corridor, as the layouts' file writes them, askew."""
    cells = [(Polygon(box(i * 60, 0, i * 60 + 57, 80)), "classroom") for i in range(10)]
    cells += [(Polygon(box(i * 60, 117, i * 60 + 57, 200)), "classroom") for i in range(10)]
    cells.append((Polygon(box(0, 83, 594, 114)), "corridor"))
    rooms = [
        {
            "label": label,
            "polygon": np.round(
                affinity.rotate(cell, 17, origin=(0, 0)).exterior.coords[:-1]
            ).tolist(),
        }
        for cell, label in cells
    ]
    return {"id": "slanted", "rooms": rooms}


# -- floors -------------------------------------------------------------------------------------


def test_floors_are_large() -> None:
    """40 to 250 rooms each, and over all of them few and many."""
    counts = [sum(space.is_room for space in floor.spaces) for floor in FLOORS]

    assert min(counts) >= LEAST_ROOMS * 0.9  # a cell that is narrower than its walls is lost
    assert max(counts) <= MOST_ROOMS
    assert min(counts) < 70
    assert max(counts) > 160


@pytest.mark.parametrize("floor", FLOORS[:12])
def test_rooms_of_a_floor_hold_together(floor: Floor) -> None:
    """Rooms keep clear of walls and of each other, and nearly all can be entered."""
    walls = unary_union([floor.outer_walls, floor.inner_walls])
    rooms = [space.shape for space in floor.spaces]
    assert sum(room.intersection(walls).area for room in rooms) < 0.05
    assert unary_union(rooms).area == pytest.approx(sum(room.area for room in rooms), abs=0.05)
    doors = unary_union([o.hole for o in floor.openings if o.kind is not OpeningKind.WINDOW])
    entered = [space for space in floor.spaces if space.shape.distance(doors) < 0.05]
    assert len(entered) >= 0.85 * sum(space.is_room for space in floor.spaces)


def test_courts_and_voids_are_no_rooms() -> None:
    """Some floors lie around a court, some have an atrium's void; neither is a room."""
    voids = [space for floor in FLOORS for space in floor.spaces if space.kind is Kind.VOID]
    assert voids
    assert not any(space.is_room for space in voids)
    courts = []
    for floor in FLOORS:
        covered = unary_union([floor.outer_walls, *[s.shape.buffer(0.3) for s in floor.spaces]])
        holes = [Polygon(r) for p in getattr(covered, "geoms", [covered]) for r in p.interiors]
        courts += [(floor, hole) for hole in holes if hole.area > 60]
    assert courts
    for floor, court in courts:
        assert not any(court.contains(s.shape) for s in floor.spaces)


def test_small_rooms_lie_among_large_ones_along_long_corridors() -> None:
    """Toilets, closets and lifts, rooms of 50 square meters, corridors of 40 meters and more."""
    spaces = [space for floor in FLOORS for space in floor.spaces]
    kinds = {space.kind for space in spaces}
    assert {Kind.WC, Kind.CLOSET, Kind.ELEVATOR, Kind.STAIRS, Kind.DUCT, Kind.BATH} <= kinds
    corridors = [s.shape.length / 2 for s in spaces if s.kind is Kind.CORRIDOR]
    assert max(corridors) > 40
    areas = [space.shape.area for space in spaces if space.is_room]
    assert np.percentile(areas, 5) < 4
    assert np.percentile(areas, 97) > 50


def test_some_wings_are_slanted_or_curved() -> None:
    """Many rooms lie along neither axis of the sheet."""
    turned = sum(
        len(room.simplify(0.01).exterior.coords) > 4
        and room.minimum_rotated_rectangle.area < 0.8 * box(*room.bounds).area
        for room in (space.shape for floor in FLOORS for space in floor.spaces)
    )
    assert turned > 200


# -- measured floors ------------------------------------------------------------------------------


def test_measured_floors_are_made_straight() -> None:
    """A floor that lies askew in its file has rooms with right angles and doors to the corridor."""
    floor = layout_to_large_floor(slanted_layout(), np.random.default_rng(3))

    assert len(floor.spaces) == 21
    turned_back = [space.shape for space in floor.spaces]
    angle = main_axis_deg(turned_back)
    for room in turned_back:
        level = affinity.rotate(room, -angle, origin=(0, 0))
        assert level.area == pytest.approx(box(*level.bounds).area, rel=0.08)
    doors = [o for o in floor.openings if o.kind is not OpeningKind.WINDOW]
    assert len(doors) >= 20


def test_nearly_straight_edges_become_straight_and_slanted_ones_stay() -> None:
    """Corners that are off by a little come to lie on one line; a cut corner stays."""
    room = straighten(Polygon([(0, 0.1), (5, 0), (8, 2.5), (8.1, 6), (0.1, 5.9)]))

    xs = sorted({round(x, 3) for x, _ in room.exterior.coords})
    assert len(room.exterior.coords) == 6
    assert xs[0] == pytest.approx(0.05)
    assert xs[-1] == pytest.approx(8.05)
    assert room.area == pytest.approx(43.8, abs=1.0)


# -- sheets -------------------------------------------------------------------------------------


def extent(points: npt.NDArray[np.float64]) -> list[float]:
    """Corners x0, y0, x1, y1 of a polygon's box."""
    return [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()]


@pytest.mark.parametrize("floors_only", [True, False])
def test_sheets_of_many_seeds(*, floors_only: bool) -> None:
    """Rooms lie on the page, on paper rather than ink; the sheet is wider than high."""
    for seed in range(7):
        sheet = draw_sheet(seed, SheetSpec(SMALL, floors_only=floors_only))
        h, w = sheet.page.shape[:2]
        assert w == SMALL
        assert h < w
        boxes, _ = visible_rooms(sheet.rooms, 1.0, (0, 0), sheet.page.shape)
        assert (boxes >= 0).all()
        assert (boxes <= [w, h, w, h]).all()
        assert len(sheet.rooms) >= LEAST_ROOMS * 0.5 * floors_only


def test_equal_seeds_give_equal_sheets_and_tiles() -> None:
    """A sheet and its tiles are functions of their seed and the specification."""
    layouts = [slanted_layout()]
    spec = SheetSpec(SMALL, layout_share=0.5)
    first, second = (draw_sheet(0, spec, layouts) for _ in range(2))
    assert np.array_equal(first.page, second.page)
    assert [room.shape.wkb for room in first.rooms] == [r.shape.wkb for r in second.rooms]
    one, other = (cut_tiles(s, 3, 320, np.random.default_rng(1)) for s in (first, second))
    for tile, twin in zip(one, other, strict=True):
        assert np.array_equal(tile.page, twin.page)
        assert np.array_equal(tile.boxes_xyxy_px, twin.boxes_xyxy_px)
        extents = [extent(points) for points in tile.outlines.points_px]
        assert np.allclose(extents, tile.boxes_xyxy_px, atol=1e-3)
    assert not np.array_equal(first.page, draw_sheet(1, spec).page)


def test_walls_lie_around_the_rooms() -> None:
    """Just outside of the edges of a room there is more ink than in it: the truth fits."""
    inside, around = [], []
    for seed in range(3):
        sheet = draw_sheet(seed, SheetSpec(2000, floors_only=True))
        gray = sheet.page.min(axis=2) < 160
        for room in sheet.rooms:
            x0, y0, x1, y1 = (round(v) for v in room.shape.bounds)
            is_box = room.shape.area > 0.99 * box(*room.shape.bounds).area
            if is_box and min(x1 - x0, y1 - y0) > 25 and x0 > 9 and y0 > 9:
                rows = gray[y0 - 4 : y0 + 3, x0:x1].any(axis=0)
                inside.append(gray[y0 + 6 : y0 + 13, x0:x1].any(axis=0).mean())
                around.append(rows.mean())
    assert len(around) > 60
    assert np.mean(around) > 0.8
    assert np.mean(inside) < 0.6 * np.mean(around)


def test_tags_are_kept_with_their_rooms() -> None:
    """What is written into a room is known, for those who read it later."""
    sheets = [draw_sheet(seed, SheetSpec(2 * SMALL)) for seed in range(2)]
    tags = [room.tag for sheet in sheets for room in sheet.rooms]
    assert sum(any(c.isalnum() for c in tag.number + tag.name) for tag in tags) > 0.3 * len(tags)


@pytest.mark.parametrize(
    "draw",
    [
        tables.draw_notes_block,
        tables.draw_legend,
        tables.draw_schedule,
        views.draw_detail,
        views.draw_section,
        views.draw_facade,
    ],
)
def test_what_is_no_plan_is_drawn_in_its_field_and_has_no_rooms(draw: object) -> None:
    """Such things leave ink in their field, and give the sheet no room."""
    rng = np.random.default_rng(4)
    page = np.full((900, 1300, 3), 255, np.uint8)
    assert callable(draw)
    rooms = draw(Canvas(page, np.eye(3)[:2]), (200.0, 150.0, 900.0, 700.0), draw_cad(2.5, rng), rng)

    assert rooms is None
    dark = np.argwhere(page.min(axis=2) < 128)
    assert len(dark) > 300
    assert dark[:, 0].min() > 100
    assert dark[:, 1].min() > 120


def test_a_key_plan_is_drawn_small_and_has_no_rooms() -> None:
    """The outline of the building, filled or not, inside of its field."""
    rng = np.random.default_rng(2)
    page = np.full((400, 500, 3), 255, np.uint8)
    sheet, cad = Canvas(page, np.eye(3)[:2]), draw_cad(1.0, rng)

    views.draw_key_plan(sheet, (100.0, 100.0, 300.0, 250.0), FLOORS[0], cad, rng)

    dark = np.argwhere(page.min(axis=2) < 200)
    assert len(dark) > 100
    assert dark.min(axis=0).tolist() >= [95, 95]
    assert dark.max(axis=0).tolist() <= [255, 305]


def test_frames_and_strips_leave_room_for_plans() -> None:
    """What a border and a title strip leave lies inside, and is most of the page."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        page = np.full((600, 850, 3), 255, np.uint8)
        sheet, cad = Canvas(page, np.eye(3)[:2]), draw_cad(1.0, rng)
        inside = strips.draw_frame(sheet, cad, rng)
        rest = strips.draw_strip(sheet, inside, cad, rng)
        assert box(*inside).covers(box(*rest))
        assert box(*rest).area > 0.6 * page.shape[0] * page.shape[1]


# -- tiles --------------------------------------------------------------------------------------


def test_half_visible_rooms_are_labeled_by_their_visible_part() -> None:
    """At least half of the floor in the tile: the box of that half; less: nothing."""
    rooms = [
        RoomPx(Kind.OFFICE, box(10, 10, 50, 50)),
        RoomPx(Kind.OFFICE, box(80, 10, 110, 50)),  # two thirds visible
        RoomPx(Kind.OFFICE, box(90, 60, 130, 90)),  # a quarter
        RoomPx(Kind.CORRIDOR, box(-150, 92, 400, 99)),  # longer than the tile
        RoomPx(Kind.OFFICE, Polygon([(60, 60), (88, 60), (88, 62), (62, 62), (62, 90), (60, 90)])),
        RoomPx(Kind.DUCT, box(20, 80, 22, 90)),  # a line at that size
    ]

    boxes, _ = visible_rooms(rooms, 1.0, (0, 0), (100, 100))
    assert boxes.tolist() == [[10, 10, 50, 50], [80, 10, 100, 50], [60, 60, 88, 90]]

    at_twice, outlines = visible_rooms(rooms, 2.0, (150, 0), (100, 100))
    assert at_twice.tolist() == [[10, 20, 70, 100]]
    assert [extent(points) for points in outlines.points_px] == at_twice.tolist()


def test_a_slanted_room_is_judged_by_its_floor() -> None:
    """A room whose box is half outside, but whose floor is not, is labeled."""
    triangle = Polygon([(50, 0), (50, 90), (170, 0)])
    kept, outlines = visible_rooms([RoomPx(Kind.OFFICE, triangle)], 1.0, (0, 0), (100, 100))
    assert kept.tolist() == [[50, 0, 100, 90]]
    (points,) = outlines.points_px
    assert Polygon(points).equals(triangle.intersection(box(0, 0, 100, 100)))


def test_tiles_see_rooms_at_sizes_that_the_network_knows() -> None:
    """Most labeled rooms measure 12 to 300 px, pages are no larger than asked for."""
    sides = []
    for seed in range(2):
        sheet = draw_sheet(seed, SheetSpec(2600))
        for tile in cut_tiles(sheet, 8, 640, np.random.default_rng(seed)):
            assert max(tile.page.shape[:2]) <= 640
            assert tile.level_px <= 2600
            boxes = tile.boxes_xyxy_px
            assert (boxes[:, 2:] > boxes[:, :2]).all()
            sides += np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)).tolist()
    low, middle, high = np.percentile(sides, [10, 50, 95])
    assert low > 9
    assert 22 < middle < 120
    assert high < 320


def test_levels_follow_the_size_of_the_rooms() -> None:
    """A sheet of few large rooms is seen smaller than one of many small ones."""
    page = np.full((2000, 3000, 3), 255, np.uint8)
    large = Sheet(page, [RoomPx(Kind.OFFICE, box(0, 0, 1400, 1400))])
    small = Sheet(page, [RoomPx(Kind.OFFICE, box(0, 0, 60, 60))])
    rng = np.random.default_rng(0)
    assert max(draw_levels(large, 50, rng)) < 1000
    assert min(draw_levels(small, 50, rng)) >= 1600
    assert max(draw_levels(small, 50, rng)) <= 3000


# -- the command ----------------------------------------------------------------------------------


def test_the_command_cuts_tiles_and_writes_whole_sheets(tmp_path: Path) -> None:
    """Plan sets of tiles, whose plan is their sheet, and of whole sheets, gray."""
    command = [sys.executable, "-m", "plans.synth", "--kind", "sheets", "--sheet-px", "1600"]
    tiles, whole = tmp_path / "tiles", tmp_path / "whole"
    subprocess.run([*command, "--count", "10", "--out", str(tiles)], check=True)
    uncut = ["--count", "1", "--seed", "1", "--whole", "--out", str(whole)]
    subprocess.run([*command, *uncut], check=True)

    rows = [json.loads(line) for line in (tiles / "index.jsonl").read_text().splitlines()]
    assert len(rows) == 10
    assert [row["plan"] for row in rows].count("synth-sheet-00000000") == 8
    assert {row["family"] for row in rows} == {"synthetic sheet"}
    for row in rows:
        page = np.asarray(cv2.imread(str(tiles / "images" / row["image"])))
        assert page.shape[:2] == (row["height"], row["width"])
        labels = (tiles / "labels" / row["image"].replace(".jpg", ".txt")).read_text()
        assert len(labels.splitlines()) == row["rooms"]
    drawn = [json.loads(line) for line in (tiles / "rooms.jsonl").read_text().splitlines()]
    assert [one["image"] for one in drawn] == [row["image"] for row in rows]
    assert [len(one["rooms"]) for one in drawn] == [row["rooms"] for row in rows]
    (row,) = [json.loads(line) for line in (whole / "index.jsonl").read_text().splitlines()]
    page = np.asarray(cv2.imread(str(whole / "images" / row["image"]), cv2.IMREAD_UNCHANGED))
    assert page.shape == (row["height"], 1600)
    (truth,) = [json.loads(line) for line in (whole / "rooms.jsonl").read_text().splitlines()]
    assert truth["image"] == row["image"]
    labels = (whole / "labels" / row["image"].replace(".png", ".txt")).read_text().splitlines()
    boxes = [[float(number) for number in label.split()[1:]] for label in labels]
    outlines = [np.array(room["polygon"]) / page.shape[::-1] for room in truth["rooms"]]
    around = [np.concatenate([(o.min(0) + o.max(0)) / 2, np.ptp(o, axis=0)]) for o in outlines]
    for box_of_label in boxes:  # each labeled room has its outline; slivers have no label
        assert np.abs(np.array(around) - box_of_label).max(axis=1).min() < 1e-4
    assert any(room.get("type") for room in truth["rooms"])
