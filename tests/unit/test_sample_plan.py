# SPDX-License-Identifier: AGPL-3.0-or-later
"""The drawn plans are sound, and the sample in ``docs`` is what the code draws."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pypdfium2
import pytest
from PIL import Image, ImageChops
from reportlab.pdfbase.pdfmetrics import stringWidth

from plans.sample.__main__ import LONG_SIDE_PX, write_sample
from plans.sample.draw import AREA_MM, NAME_MM, pdf_to_image, plan_to_pdf
from plans.sample.elements import Box, Door, Room, Side
from plans.sample.layout import cut_wall
from plans.sample.pen import FONT, FONT_BOLD
from plans.sample.plan import (
    PLAN_BUILDERS,
    Plan,
    family_house,
    place,
    room_boxes_xyxy_norm,
)
from plans.sample.sheet import dimension_text

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE = Path(__file__).parents[2] / "docs" / "sample"


@pytest.fixture(params=PLAN_BUILDERS, ids=lambda build: build.__name__)
def plan(request: pytest.FixtureRequest) -> Plan:
    """Each plan in turn."""
    build: Callable[[], Plan] = request.param
    return build()


def label_box(plan: Plan, room: Room) -> Box:
    """Return the floor that a room's label covers, in plan meters."""
    mm = 1 / place(plan).mm_per_m
    half_m = (
        mm
        / 2
        * max(
            stringWidth(room.name, FONT_BOLD, NAME_MM), stringWidth(room.area_text, FONT, AREA_MM)
        )
    )
    x_m, y_m = room.label_center_m
    return Box(x_m - half_m, y_m - NAME_MM * mm, x_m + half_m, y_m + (AREA_MM + 0.8) * mm)


def page_text(pdf: bytes) -> str:
    """Return the words of a PDF's first page."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        text: str = document[0].get_textpage().get_text_range()
        return text
    finally:
        document.close()


def test_truth_boxes_lie_on_the_page(plan: Plan) -> None:
    """Every true room box is a proper rectangle within the page."""
    boxes = room_boxes_xyxy_norm(plan)

    assert len(plan.rooms) == len(boxes)
    assert all(0 < x0 < x1 < 1 and 0 < y0 < y1 < 1 for x0, y0, x1, y1 in boxes)


def test_truth_box_is_white_floor_between_black_walls() -> None:
    """A true box ends where the drawn wall begins, to two pixels."""
    plan = family_house()
    image = pdf_to_image(plan_to_pdf(plan), LONG_SIDE_PX)
    x0, y0, x1, y1 = room_boxes_xyxy_norm(plan)[0]
    left, right = x0 * image.width, x1 * image.width
    top, bottom = y0 * image.height, y1 * image.height
    y = round(top + 0.8 * (bottom - top))
    x = round(left + 0.3 * (right - left))

    assert image.getpixel((round(left) - 2, y)) == 0
    assert image.getpixel((round(right) + 2, round(top) + 40)) == 0
    assert image.getpixel((x, round(bottom) - 2)) == 255
    assert image.getpixel((x, round(bottom) + 2)) == 0


def test_area_labels_equal_the_geometry(plan: Plan) -> None:
    """The sheet prints, for every room, its width times its depth."""
    words = page_text(plan_to_pdf(plan))

    for room in plan.rooms:
        box = room.box
        area_m2 = (box.x1_m - box.x0_m) * (box.y1_m - box.y0_m)
        assert f"{area_m2:.2f} m²" in words, room.name


def test_every_room_is_named_on_the_sheet(plan: Plan) -> None:
    """The sheet prints every room's name."""
    words = page_text(plan_to_pdf(plan))

    assert not [room.name for room in plan.rooms if room.name not in words]


def test_rooms_do_not_overlap(plan: Plan) -> None:
    """No two rooms share floor."""
    pairs = combinations(plan.rooms, 2)

    assert not [(a.name, b.name) for a, b in pairs if a.box.overlaps(b.box)]


def test_no_wall_stands_in_a_room(plan: Plan) -> None:
    """Walls take no floor from the rooms, so the true boxes are the clear rooms."""
    pairs = [(room, wall) for room in plan.rooms for wall in plan.walls]

    assert not [(room.name, wall) for room, wall in pairs if room.box.overlaps(wall)]


def test_openings_lie_on_walls(plan: Plan) -> None:
    """Every door and window lies within one wall and goes right through it."""
    for hole in plan.openings:
        carriers = [wall for wall in plan.walls if wall.contains(hole)]
        assert carriers, hole
        depth_m = min(hole.width_m, hole.depth_m)
        assert any(
            depth_m == pytest.approx(min(wall.width_m, wall.depth_m)) for wall in carriers
        ), hole


def test_openings_keep_clear_of_crossing_walls(plan: Plan) -> None:
    """No second wall stands in a door or window once the openings are cut."""
    pieces = [piece for wall in plan.walls for piece in cut_wall(wall, plan.openings)]

    assert not [hole for hole in plan.openings if any(hole.overlaps(p) for p in pieces)]


def test_every_room_has_a_door(plan: Plan) -> None:
    """A room can be entered."""
    reach_m = 0.01
    for room in plan.rooms:
        box = room.box
        grown = Box(box.x0_m - reach_m, box.y0_m - reach_m, box.x1_m + reach_m, box.y1_m + reach_m)
        assert any(grown.overlaps(door.box) for door in plan.doors), room.name


def test_doors_swing_within_one_room(plan: Plan) -> None:
    """A leaf never sweeps through a wall."""
    swings = [door.swing_box for door in plan.doors if door.swing_box]

    assert not [s for s in swings if not any(room.box.contains(s) for room in plan.rooms)]


def test_doors_do_not_hit_furniture(plan: Plan) -> None:
    """The floor that a leaf sweeps is free."""
    swings = [door.swing_box for door in plan.doors if door.swing_box]

    assert not [f for f in plan.fixtures if any(f.box.overlaps(s) for s in swings)]


def test_furniture_stands_inside_one_room(plan: Plan) -> None:
    """No fixture reaches into a wall."""
    rooms = plan.rooms

    assert not [f for f in plan.fixtures if not any(r.box.contains(f.box) for r in rooms)]


def test_furniture_does_not_overlap(plan: Plan) -> None:
    """No two fixtures share floor."""
    pairs = combinations(plan.fixtures, 2)

    assert not [(a, b) for a, b in pairs if a.box.overlaps(b.box)]


def test_labels_lie_inside_their_rooms(plan: Plan) -> None:
    """No label runs over a wall."""
    rooms = plan.rooms

    assert not [r.name for r in rooms if not r.box.contains(label_box(plan, r))]


def test_labels_keep_clear_of_furniture_and_doors(plan: Plan) -> None:
    """No label runs over a fixture or the floor that a leaf sweeps."""
    swings = [door.swing_box for door in plan.doors if door.swing_box]
    taken = [fixture.box for fixture in plan.fixtures] + swings
    labels = {room.name: label_box(plan, room) for room in plan.rooms}

    assert not [name for name, box in labels.items() if any(box.overlaps(t) for t in taken)]


def test_chains_add_up_to_the_building(plan: Plan) -> None:
    """Every dimension chain runs over the whole side it measures."""
    outline = plan.outline
    for chain in plan.chains:
        total_m = outline.width_m if chain.side.is_vertical else outline.depth_m
        assert total_m == pytest.approx(chain.stops_m[-1] - chain.stops_m[0])
        assert sorted(chain.stops_m) == list(chain.stops_m)


@pytest.mark.parametrize(
    ("expected", "length_m"),
    [("12", 0.12), ("36", 0.36), ("1.00", 1.0), ("15.40", 15.4)],
    ids=["inner wall", "outer wall", "one meter", "total"],
)
def test_dimensions_below_one_meter_are_centimeters(expected: str, length_m: float) -> None:
    """Short dimensions read in centimeters, the others in meters."""
    assert expected == dimension_text(length_m)


def test_cut_wall_leaves_the_pieces_between_openings() -> None:
    """Two openings leave three pieces."""
    wall = Box(0.0, 0.0, 10.0, 0.5)
    holes = [Box(7.0, 0.0, 8.0, 0.5), Box(2.0, 0.0, 3.0, 0.5)]

    expected = [(0.0, 2.0), (3.0, 7.0), (8.0, 10.0)]
    assert expected == [(piece.x0_m, piece.x1_m) for piece in cut_wall(wall, holes)]


def test_cut_wall_at_its_end_leaves_one_piece() -> None:
    """An opening that reaches the wall's end leaves nothing behind it."""
    expected = [Box(0.0, 0.0, 9.0, 0.5)]

    assert expected == cut_wall(Box(0.0, 0.0, 10.0, 0.5), [Box(9.0, 0.0, 10.0, 0.5)])


def test_door_cannot_swing_along_its_wall() -> None:
    """A leaf hinged in the west swings north or south, never east."""
    with pytest.raises(ValueError, match="cannot swing"):
        Door(Box(0.0, 0.0, 0.9, 0.1), Side.W, Side.E)


def test_box_refuses_corners_in_the_wrong_order() -> None:
    """A box without area is refused with the corners it was given."""
    with pytest.raises(ValueError, match="x0 < x1"):
        Box(1.0, 0.0, 1.0, 2.0)


def test_pdf_is_byte_identical_between_calls(plan: Plan) -> None:
    """The same plan gives the same bytes."""
    assert plan_to_pdf(plan) == plan_to_pdf(plan)


def test_stored_pdf_is_what_the_code_draws(tmp_path: Path) -> None:
    """The stored PDF shows the same pixels as one written now."""
    drawn = pdf_to_image(write_sample(tmp_path)[0].read_bytes(), LONG_SIDE_PX)
    stored = pdf_to_image((SAMPLE / "plan.pdf").read_bytes(), LONG_SIDE_PX)

    assert ImageChops.difference(drawn, stored).getbbox() is None


def test_stored_png_is_what_the_code_draws(tmp_path: Path) -> None:
    """The stored picture shows the same pixels as one written now."""
    with Image.open(write_sample(tmp_path)[1]) as drawn, Image.open(SAMPLE / "plan.png") as stored:
        assert ImageChops.difference(drawn, stored).getbbox() is None


def test_stored_png_is_gray_and_of_known_size() -> None:
    """The README's picture is 8-bit gray, its longer side as long as the code says."""
    expected = ("L", LONG_SIDE_PX)

    with Image.open(SAMPLE / "plan.png") as stored:
        assert expected == (stored.mode, max(stored.size))


def test_stored_png_is_small() -> None:
    """The README's picture stays below 150 kB."""
    assert (SAMPLE / "plan.png").stat().st_size < 150_000
