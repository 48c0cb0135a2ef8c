# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sizes of pages and places of boxes, against where the drawn plan's rooms really are."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption

from roomdet_client.answers import Detection, Room, parse_answer
from roomdet_client.errors import PlanUnreadable
from roomdet_client.letterbox import unletterbox
from roomdet_client.pages import Plan
from roomdet_client.sheet import GRID, Sheet
from tests.builders import RED, draw_plan, encode, exif, plan_pdf, rooms_px
from tests.unit.answering import ROOM, found

GRID_TOLERANCE = 1.01 / GRID  # a box is rounded to the grid, outwards


def red_box_grid(picture: Image.Image) -> tuple[int, int, int, int]:
    """Where the office is on a rendering, in thousandths."""
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    rows, columns = np.nonzero(np.abs(pixels - np.array(RED)).sum(axis=2) < 60)
    height, width = pixels.shape[:2]
    box = (columns.min() / width, rows.min() / height, (columns.max() + 1) / width,
           (rows.max() + 1) / height)  # fmt: skip
    x0, y0, x1, y1 = (round(float(value) * GRID) for value in box)
    return (x0, y0, x1, y1)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, (100, 10, 310, 180)], ids=["whole", "cropped"])
def test_points_of_a_pdf(rotation: int, crop: tuple[int, int, int, int] | None) -> None:
    """A box of the seen page lies in the content's coordinates where the room was drawn."""
    plan = Plan(plan_pdf(rotation=rotation, crop_pt=crop))
    sheet = plan.sheet()
    box = red_box_grid(plan.render(side_px=1500))
    room = Room("room_001", box, 1.0, sheet=sheet)
    width, height = 320, 200
    left, top, right, bottom = next(box for color, box in rooms_px((width, height)) if color == RED)

    drawn = (left, height - bottom, right, height - top)
    assert drawn == pytest.approx(room.box_xyxy_pt, abs=1.5 * max(width, height) / GRID)
    turned = rotation in (90, 270)
    seen = (crop[2] - crop[0], crop[3] - crop[1]) if crop else (width, height)
    assert (seen[::-1] if turned else seen) == (sheet.width, sheet.height)
    at = room.box_at(144)
    assert at == pytest.approx([2 * value for value in sheet.shown(box)])
    with pytest.raises(ValueError, match="has no pixels"):
        _ = room.box_xyxy_px


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_pixels_of_a_turned_picture(kind: str, orientation: int) -> None:
    """Upright, as the server counts: the size told is the size drawn."""
    options = {"exif": exif(orientation)} if kind != "TIFF" else {"tiffinfo": {274: orientation}}
    plan = Plan(encode(draw_plan(), kind, **options))
    sheet = plan.sheet()

    assert (sheet.width, sheet.height) == plan.render(side_px=2000).size
    assert ((200, 320) if orientation > 4 else (320, 200)) == (sheet.width, sheet.height)
    room = Room("room_001", (0, 0, 500, 1000), 1.0, sheet=sheet)
    assert (0, 0, sheet.width / 2, sheet.height) == room.box_xyxy_px
    with pytest.raises(ValueError, match="no points"):
        _ = room.box_xyxy_pt
    with pytest.raises(ValueError, match="pixels of its own"):
        room.box_at(72)


def test_pages_of_documents() -> None:
    """A PDF and a TIFF have as many as they hold; an animation is one picture."""
    frames = [draw_plan(), draw_plan((100, 50)), draw_plan((60, 70))]
    same = [draw_plan(), draw_plan().rotate(180)]
    animated = {kind: encode(same[0], kind, save_all=True, append_images=same[1:])
              for kind in ("GIF", "WEBP")}  # fmt: skip
    stack = encode(frames[0], "TIFF", save_all=True, append_images=frames[1:])

    assert [3, 3, 1, 1] == [
        Plan(data).page_count
        for data in (plan_pdf(pages=3), stack, animated["GIF"], animated["WEBP"])
    ]
    assert (60, 70) == Plan(stack).render(page=3).size


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "I;16", "RGBA", "LA"])
def test_every_kind_of_pixel_is_drawn(mode: str) -> None:
    """White stays white, black black, and what is transparent is white."""
    picture = Image.new("L", (8, 8), 0)
    if mode in ("RGBA", "LA"):
        picture = picture.convert(mode)
        picture.putalpha(Image.new("L", (8, 8), 0))
    elif mode == "I;16":
        picture = Image.fromarray(np.zeros((8, 8), np.uint16))
    else:
        picture = picture.convert(mode)
    black = Plan(encode(picture, "TIFF")).render()
    white_16 = Plan(encode(Image.fromarray(np.full((8, 8), 65535, np.uint16)), "TIFF")).render()

    expected = (255, 255, 255) if mode in ("RGBA", "LA") else (0, 0, 0)
    assert "RGB" == black.mode
    assert np.abs(np.asarray(black).astype(int) - expected).max() <= 60  # CMYK's black is not quite
    assert 255 == np.asarray(white_16).min()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"no plan", "cannot be read as picture"),
        (encode(draw_plan(), "PNG")[:200], "cannot be read as picture"),
        (b"%PDF-1.7\nnothing", "cannot be read as PDF"),
        (plan_pdf(encrypt=StandardEncryption("secret", "owner")), "cannot be read as PDF"),
    ],
    ids=["empty", "text", "cut", "no pdf", "encrypted"],
)
def test_what_cannot_be_read_is_said(data: bytes, why: str) -> None:
    """By name, and without a trace."""
    with pytest.raises(PlanUnreadable, match=f"attic {why}"):
        Plan(data, "attic").render()


def test_a_page_that_is_not_there(tmp_path_factory: pytest.TempPathFactory) -> None:
    """And a file that is not."""
    with pytest.raises(PlanUnreadable, match="page 4 was asked for; the plan has 3 pages"):
        Plan(plan_pdf(pages=3)).sheet(4)
    with pytest.raises(PlanUnreadable, match=r"page 2 was asked for; the plan has 1 page$"):
        Plan(encode(draw_plan(), "PNG")).sheet(2)
    with pytest.raises(PlanUnreadable, match=r"gone\.pdf cannot be read: No such file"):
        Plan.read(tmp_path_factory.mktemp("empty") / "gone.pdf")


def test_several_threads_may_draw() -> None:
    """PDFium can not; the client waits for it."""
    plan = Plan(plan_pdf(pages=4))
    with ThreadPoolExecutor(4) as pool:
        sizes = list(pool.map(lambda page: plan.render(page, 400).size, [1, 2, 3, 4] * 4))

    assert {(400, 250)} == set(sizes)


def test_an_answer_without_its_plan_has_no_pixels() -> None:
    """It says so."""
    (room,) = parse_answer(found(ROOM).decode()).rooms
    with pytest.raises(ValueError, match="size of the page is unknown"):
        _ = room.box_xyxy_px


@given(
    st.floats(1, 5000), st.floats(1, 5000), st.integers(0, 900), st.integers(0, 900),
    st.integers(50, 100), st.sampled_from(["center", "top-left"]),
)  # fmt: skip
def test_boxes_of_a_square_are_those_of_the_plan(
    width: float, height: float, left: int, top: int, side: int, anchor: str
) -> None:
    """A box put into the square comes back where it was, within the square's rounding."""
    box = (left, top, left + side, top + side)
    scale = 1 / max(width, height)
    shares = (width * scale, height * scale)
    offsets = [(1 - share) / 2 if anchor == "center" else 0 for share in shares]
    there = [round(value * shares[i % 2] + GRID * offsets[i % 2]) for i, value in enumerate(box)]
    x0, y0, x1, y1 = there
    room = Room("room_001", (x0, y0, x1, y1), 0.5)
    back = unletterbox(Detection((room,), 1, ""), (width, height), anchor=anchor)  # type: ignore[arg-type]

    rounding = [0.5 / share + 0.5 for share in shares]
    for found_room in back.rooms:
        for i, value in enumerate(found_room.box_xyxy_grid):
            assert abs(value - box[i]) <= rounding[i % 2] + 1e-6
    # Lost only where the plan is so narrow that the box has no width in the square.
    assert back.rooms or min(x1 - x0, y1 - y0) == 0


def test_rooms_in_the_margin_are_left_out() -> None:
    """They are none; the ids count without them."""
    rooms = tuple(
        Room(f"room_{n:03d}", box, 0.9 - n / 10)
        for n, box in enumerate([(0, 0, 1000, 200), (100, 400, 300, 600)], start=1)
    )
    back = unletterbox(Detection(rooms, 1, ""), (200, 100))

    assert [("room_001", (100, 300, 300, 700))] == [(r.id, r.box_xyxy_grid) for r in back.rooms]
    with pytest.raises(ValueError, match="must be positive"):
        unletterbox(back, (0, 100))


def test_a_notebook_shows_the_plan() -> None:
    """As picture, and as page with a table that ends at some point."""
    detection = parse_answer(found(*[ROOM] * 25).decode())
    shown = detection.on(Plan(encode(draw_plan(), "PNG")), 1)
    picture = shown._repr_png_()

    assert picture
    assert (1600, 1000) == Image.open(io.BytesIO(picture)).size
    assert "25 rooms" in shown._repr_html_()
    assert "data:image/png;base64," in shown._repr_html_()
    assert "… and 5 more" in shown._repr_html_()
    assert detection._repr_png_() is None
    assert "<img" not in detection._repr_html_()


def test_the_grid_is_the_pages() -> None:
    """Upward coordinates are those of drawing programs."""
    assert (100, 120, 200, 160) == Sheet(1000, 200, "px").upward((100, 200, 200, 400))
