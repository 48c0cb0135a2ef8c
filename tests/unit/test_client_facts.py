# SPDX-License-Identifier: AGPL-3.0-or-later
"""Names, outlines and areas: asked for, read into values, written back as they came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from roomdet_client import (
    Area,
    ClientError,
    NoAnswerForm,
    PayloadTooLarge,
    Room,
    RoomClient,
    parse_answer,
)
from roomdet_client.letterbox import unletterbox
from roomdet_client.outline import counterclockwise, place_inside, signed_area
from roomdet_client.pages import Plan
from roomdet_client.payload import fit
from tests.builders import draw_plan, encode, plan_pdf, scanned_pdf
from tests.unit.answering import ROOM, answering, found
from tests.unit.test_client_payload import noise

PLAN = encode(draw_plan(), "PNG")
RING: list[list[float]] = [[100.5, 200.0], [300, 200.0], [300, 300.2], [200, 300.2], [200, 400],
                           [100.5, 400], [100.5, 200.0]]  # fmt: skip
AREA = {"m2": 12.31, "scale": "1:100", "scale_source": "title_block", "printed_m2": 12.5,
        "agrees": True}  # fmt: skip
NAMED = {**ROOM, "name_hint": "Köök", "name_source": "text", "name_confidence": 1.0,
         "polygon": RING, "area": AREA}  # fmt: skip
UNKNOWN = {**ROOM, "name_hint": None, "polygon": None, "polygon_reason": "it is open to the left",
           "area": None, "area_reason": "the page states no scale"}  # fmt: skip


def test_they_are_fields() -> None:
    """With their sources; what is not known is None, with the reason."""
    named, unknown, plain = parse_answer(found(NAMED, UNKNOWN, ROOM).decode()).rooms

    assert ("Köök", "text", 1.0) == (named.name_hint, named.name_source, named.name_confidence)
    assert tuple((x, y) for x, y in RING) == named.polygon_grid == named.outline_grid
    assert Area(12.31, "1:100", "title_block", 12.5, agrees=True) == named.area
    assert "12.3 m²" == str(named.area)
    assert (None, None, None) == (unknown.name_hint, unknown.polygon_grid, unknown.area)
    assert "it is open to the left" == unknown.polygon_reason
    assert "the page states no scale" == unknown.area_reason
    assert {"name", "polygon", "area"} == unknown.included == named.included
    assert frozenset() == plain.included
    assert ((100, 200), (300, 200), (300, 400), (100, 400), (100, 200)) == plain.outline_grid
    assert {} == named.more == unknown.more


@pytest.mark.parametrize(
    "room",
    [
        NAMED, UNKNOWN, ROOM, {**ROOM, "name_hint": None}, {**ROOM, "polygon": RING},
        {**ROOM, "area": {"m2": 120.0, "scale": "1/8\"=1'", "scale_source": "note"}},
        {**NAMED, "area": {**AREA, "agrees": False, "later": [1]}, "level": "2"},
    ],
)  # fmt: skip
def test_they_are_written_as_they_came(room: dict[str, Any]) -> None:
    """The same keys in the same order, no more and no fewer; unknown ones at the end."""
    body = found(room)

    assert body.decode() == json.dumps(parse_answer(body.decode()).as_json())


@pytest.mark.parametrize(
    "wrong",
    [
        {"name_hint": 3}, {"name_source": 1}, {"name_confidence": "high"}, {"name_confidence": 1.1},
        {"name_confidence": True}, {"polygon": "M0 0"}, {"polygon": []}, {"polygon": RING[:-1]},
        {"polygon": [*RING[:-1], [1, 2, 3]]}, {"polygon": [[1, 2], [3, 4], [1, 2]]},
        {"polygon": [[0, 0], [1001, 0], [9, 9], [0, 0]]},
        {"polygon": [[0, 0], [True, 0], [9, 9], [0, 0]]}, {"polygon_reason": ["open"]},
        {"area": 12.3}, {"area": {}}, {"area": {**AREA, "m2": -1}}, {"area": {**AREA, "m2": None}},
        {"area": {**AREA, "scale": 100}}, {"area": {**AREA, "scale_source": None}},
        {"area": {**AREA, "printed_m2": "12"}}, {"area": {**AREA, "agrees": 1}},
    ],
)  # fmt: skip
def test_another_form_is_no_answer(wrong: dict[str, Any]) -> None:
    """Nothing of another type, no open outline, no area without its scale."""
    with pytest.raises(NoAnswerForm, match="has not the documented form"):
        parse_answer(found({**ROOM, **wrong}).decode())


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_outlines_have_points_as_boxes_have(rotation: int) -> None:
    """An outline that is the box lies where the box does, in every unit; none is None."""
    plan = Plan(plan_pdf(rotation=rotation, crop_pt=(100, 10, 310, 180)))
    sheet = plan.sheet()
    plain = Room("room_001", (120, 240, 480, 900), 1.0, sheet=sheet)
    outlined = Room("room_001", (0, 0, 1, 1), 1.0, sheet=sheet, polygon_grid=plain.outline_grid)

    for ring, box in ((outlined.polygon_pt, plain.box_xyxy_pt),
                      (outlined.polygon_at(100), plain.box_at(100))):  # fmt: skip
        assert ring
        xs, ys = zip(*ring, strict=True)
        assert box == pytest.approx((min(xs), min(ys), max(xs), max(ys)))
    assert plain.polygon_pt is None
    assert plain.polygon_at(100) is None
    with pytest.raises(ValueError, match="has no pixels"):
        _ = outlined.polygon_px


def test_outlines_have_pixels() -> None:
    """Of a picture, and of nothing else."""
    (room,) = parse_answer(found(NAMED).decode()).on(Plan(PLAN), 1).rooms

    assert room.polygon_px
    assert (32.16, 40) == pytest.approx(room.polygon_px[0])
    with pytest.raises(ValueError, match="no points"):
        _ = room.polygon_pt
    with pytest.raises(ValueError, match="pixels of its own"):
        room.polygon_at(72)
    (unplaced,) = parse_answer(found(NAMED).decode()).rooms
    with pytest.raises(ValueError, match="size of the page is unknown"):
        _ = unplaced.polygon_px


def test_outlines_of_a_square_are_those_of_the_plan() -> None:
    """As the box is, cut to the plan."""
    ring = [[100, 240], [500, 240], [500, 500.4], [100, 500.4], [100, 240]]
    room = {**ROOM, "bounding_box": [100, 250, 500, 500], "polygon": ring}
    (moved,) = unletterbox(parse_answer(found(room).decode()), (200, 100)).rooms

    assert (100, 0, 500, 500) == moved.box_xyxy_grid
    assert ((100, 0), (500, 0), (500, 500.8), (100, 500.8), (100, 0)) == moved.polygon_grid


def test_they_are_asked_for_in_the_header() -> None:
    """Words with commas between; typographic quotes as the keyboard has them."""
    with answering(lambda *_: (200, found(NAMED))) as server, RoomClient(server.url) as client:
        client.detect(PLAN, include=("name", "area"), scale="1/8\u2033 = 1\u2032-0\u2033")
        client.detect(PLAN, include="name, polygon", confidence=0.4)
        client.detect(PLAN, include=())
        for scale in ("1:100;confidence=1", "1:100\r\nX-More: 1", "één op 100"):
            with pytest.raises(ClientError, match="letters of ASCII only, and no semicolon"):
                client.detect(PLAN, scale=scale)

    assert [
        "include=name,area;scale=1/8\" = 1'-0\"", "confidence=0.4;include=name,polygon", None,
    ] == [asked.options for asked in server.asked]  # fmt: skip


def test_a_pdf_is_not_drawn_where_its_text_is_wanted_and_s3_is_there() -> None:
    """A picture of it has no text; a page of it alone has, and a picture never had."""
    drawn = Image.new("RGB", (5000, 1500), "white")
    drawn.paste(noise((1200, 1200)), (100, 100))
    plan = Plan(scanned_pdf(encode(drawn, "JPEG", quality=95)))
    pair = Plan(plan_pdf(pages=2))

    assert fit(plan, 1, 10**6).sent_as.startswith("JPEG")
    with pytest.raises(PayloadTooLarge, match="let the server read it from S3"):
        fit(plan, 1, 10**6, may_draw=False)
    alone = fit(pair, 1, len(pair.data) - 1, may_draw=False)
    assert "page 1 alone" == alone.sent_as
    assert fit(Plan(encode(draw_plan(), "BMP")), 1, 60_000, may_draw=False).sent_as[:3] == "PNG"


@given(
    st.integers(1, 100),
    st.integers(1, 100),
    st.integers(1, 99),
    st.integers(1, 99),
    st.sampled_from([0.15, 0.5, 0.85]),
)
def test_a_label_lies_inside(width: int, height: int, across: int, down: int, at: float) -> None:
    """Of a room in the form of an L, whichever way its outline runs; not in the notch."""
    x, y = width * across / 100, height * down / 100
    ring = ((0, 0), (width, 0), (width, y), (x, y), (x, height), (0, height), (0, 0))
    for turned in (ring, ring[::-1]):
        at_x, at_y = place_inside(turned, at)
        assert 0 < at_x < width
        assert 0 < at_y < height
        assert at_x < x or at_y <= y
        assert signed_area(counterclockwise(turned)) == pytest.approx(
            width * height - (width - x) * (height - y)
        )
