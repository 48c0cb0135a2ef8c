# SPDX-License-Identifier: AGPL-3.0-or-later
"""Drawings and exports show what is known of rooms, on the page as it is seen."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from PIL import ImageFont

from roomdet_client import drawing
from roomdet_client.answers import Detection, parse_answer
from roomdet_client.drawing import COLORS, draw_boxes, draw_rooms
from roomdet_client.exports import FORMATS
from roomdet_client.pages import Plan
from roomdet_client.sheet import GRID
from tests.builders import draw_plan, encode, plan_pdf
from tests.exporting import AREA, KNOWN_NAMES, RING, known_page, known_rooms, page
from tests.unit.answering import found

SVG = "{http://www.w3.org/2000/svg}"


def color_at(pixels: npt.NDArray[np.uint8], x_grid: float, y_grid: float) -> tuple[int, ...]:
    """RGB at a point in thousandths."""
    height, width = pixels.shape[:2]
    return tuple(pixels[round(y_grid * (height - 1) / GRID), round(x_grid * (width - 1) / GRID)])


def is_near(color: tuple[int, ...], wanted: str, tolerance: int = 40) -> bool:
    """Whether a pixel has about that color."""
    return bool(np.abs(np.subtract(color, tuple(bytes.fromhex(wanted[1:])))).max() < tolerance)


def test_a_drawing_has_the_outline_in_the_place_of_the_box() -> None:
    """Its notch is paper; a room without outline is drawn as its box."""
    white = encode(draw_plan((1000, 800)).point(lambda _: 255), "PNG")
    pixels = np.asarray(draw_rooms(white, known_rooms()))

    assert is_near(color_at(pixels, 325, 175), COLORS[0])
    assert is_near(color_at(pixels, 250.3, 210), COLORS[0])
    assert (255, 255, 255) == color_at(pixels, 325, 210)
    assert (255, 255, 255) == color_at(pixels, 400, 220)
    assert (255, 255, 255) != color_at(pixels, 200, 210)
    assert is_near(color_at(pixels, 900, 700), COLORS[1])


@pytest.mark.parametrize("has_font", [True, False])
def test_letters_beyond_ascii_are_drawn(has_font: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    """With a font of the system, else without their marks; never as boxes of no letter."""
    fonts = drawing._SYSTEM_FONTS if has_font else ()
    monkeypatch.setattr(drawing, "_SYSTEM_FONTS", fonts)
    drawing._system_font.cache_clear()
    text, font = drawing._beyond_ascii("Kök 12.3 m² ß")
    drawing._system_font.cache_clear()

    letters = {letter: bytes(font.getmask(letter)) for letter in text if letter.isalpha()}
    assert letters
    nothing = bytes(ImageFont.load_default(drawing.FONT_PX).getmask("ö"))
    assert nothing not in letters.values()
    assert text in ("Kök 12.3 m² ß", "Kok 12.3 m2 ?")
    assert "Kok 12.3 m2 ?" == text or has_font
    paper = Plan(encode(draw_plan(), "PNG")).render()
    draw_boxes(paper, [(100, 100, 900, 900)], ["#000000"], ["Kök"])


def test_a_notebook_shows_names_and_areas() -> None:
    """In columns of their own, escaped, the area with its scale; not where none was asked for."""
    shown = Detection(known_rooms(), 12, "")._repr_html_()

    assert "<th>name</th><th>area</th>" in shown
    assert "<td>Kök &amp; &lt;hall&gt;</td><td>12.3 m² at 1:100 (title_block)</td>" in shown
    assert "<td>Bedroom 2</td><td></td>" in shown
    plain = Detection(page("a.png", encode(draw_plan(), "PNG")).rooms, 12, "")._repr_html_()
    assert "<th>name</th>" not in plain


def test_a_name_in_the_table_is_no_formula() -> None:
    """Somebody wrote it on a plan; a spreadsheet would compute it."""
    shown = known_page()
    rooms = tuple(replace(room, name_hint='=HYPERLINK("http://x")') for room in shown.rooms)
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"].text([replace(shown, rooms=rooms)]))))
    assert all(row["name"].startswith("'=") for row in rows)


def test_tables_and_outlines() -> None:
    """CSV has what is known at its end, GeoJSON as properties, JSON as the server said it."""
    known, plain = known_page(), page("plain.png", encode(draw_plan(), "PNG"))
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"].text([known, plain]))))
    first, second, third, fourth, *_ = json.loads(FORMATS["geojson"].text([known, plain]))[
        "features"
    ]
    answer = json.loads(FORMATS["json"].text([known]))

    assert [*KNOWN_NAMES, "", "", ""] == [row["name"] for row in rows]
    assert ("12.31", "1:100", "title_block") == (
        rows[0]["area_m2"], rows[0]["scale"], rows[0]["scale_source"],
    )  # fmt: skip
    assert "bottom" == list(rows[0])[-5]
    assert 7 == len(first["geometry"]["coordinates"][0])
    assert (KNOWN_NAMES[0], AREA.m2, "title_block") == tuple(
        first["properties"][name] for name in ("name", "area_m2", "scale_source")
    )
    assert "area_m2" not in second["properties"]
    assert "it is open" == third["properties"]["polygon_reason"]
    assert {"id", "label", "confidence", "file", "page", "unit"} == fourth["properties"].keys()
    assert [list(point) for point in RING] == answer["detected_rooms"][0]["polygon"]
    assert answer["detected_rooms"][1]["area"] is None


def test_svg() -> None:
    """A polygon, rectangles, names as text inside them."""
    root = ET.fromstring(FORMATS["svg"].encode([known_page()]))  # noqa: S314  # our own
    (polygon,) = root.iter(f"{SVG}polygon")
    corners = [list(map(float, point.split(","))) for point in polygon.attrib["points"].split()]
    texts = list(root.iter(f"{SVG}text"))

    assert np.allclose(corners, [(x, y * 0.8) for x, y in RING[:-1]])
    assert 2 == len(list(root.iter(f"{SVG}rect")))
    assert [f"{KNOWN_NAMES[0]}, 12.3 m²", "Bedroom 2"] == [text.text for text in texts]
    assert 100 < float(texts[0].attrib["x"]) < 400
    title = polygon.find(f"{SVG}title")
    assert title is not None
    assert f"{KNOWN_NAMES[0]}, 12.3 m², confidence 0.93" == title.text


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_pdf(rotation: int) -> None:
    """PDFium draws the outline where it is on the page as it is seen, and not its box."""
    turned = known_page("turned.pdf", plan_pdf(rotation=rotation, crop_pt=(100, 10, 310, 180)))
    before = np.asarray(turned.plan.render(1, 1600)).astype(int)
    after = np.asarray(Plan(FORMATS["pdf"].encode([turned])).render(1, 1600)).astype(int)
    changed = (np.abs(before - after).sum(axis=2) > 60).astype(np.uint8)[..., None]
    height, width = changed.shape[:2]

    def is_drawn(x: float, y: float) -> bool:
        row, column = round(y * height / GRID), round(x * width / GRID)
        return bool(changed[row - 4 : row + 5, column - 4 : column + 5].any())

    assert is_drawn(325, 175)
    assert is_drawn(250.3, 210)
    assert is_drawn(100.5, 225)
    assert not is_drawn(325, 250)
    assert not is_drawn(400, 225)
    assert is_drawn(900, 700)


def test_a_name_is_no_markup() -> None:
    """In a notebook."""
    name = '"><script>alert(1)</script>'
    room = {
        "id": "room_001",
        "bounding_box": [1, 2, 300, 400],
        "confidence": 0.5,
        "name_hint": name,
    }
    detection = parse_answer(found(room).decode())
    assert "<script>" not in detection._repr_html_()
