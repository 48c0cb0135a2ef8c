# SPDX-License-Identifier: AGPL-3.0-or-later
"""Looks map what they find back to the page, and merges make one answer of it."""

from __future__ import annotations

import io
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from benchmarks.answers.__main__ import main
from benchmarks.answers.canvas import Page, ink_box, tile_starts
from benchmarks.answers.judging import Rooms, precision, read_plan_set, rooms_of
from benchmarks.answers.looks import letterboxed
from benchmarks.answers.merges import (
    Change,
    Merge,
    demote_containers,
    demote_covered,
    distant,
    fused,
    soft,
    suppressed,
    voted,
)
from benchmarks.answers.shapes import AnySizeNetwork
from benchmarks.answers.variants import (
    ONCE,
    SERVED,
    Variant,
    all_looks,
    all_merges,
    all_variants,
    is_telling,
)
from benchmarks.answers.views import ALL_VIEWS, View, apply_view, undo_view
from evaluation.mosaics import KnownPlan, compose, mirrored, own_sheets
from roomdet.anchors import STRIDES
from roomdet.config import Precision
from roomdet.detector import OpenVinoDetector
from roomdet.geometry import Boxes, Detections, Pixels, iou_matrix
from roomdet.schema import RequestOptions
from training.errors import DataError
from training.sample.plan import PLAN_BUILDERS

ROOT = Path(__file__).parents[2]
NETWORK = ROOT / "weights" / "rooms"
PLAN = ROOT / "docs" / "sample" / "plan.png"
RED = (255, 0, 0)


def boxes_of(*rows: tuple[float, float, float, float]) -> Boxes:
    """Boxes as an array, also when there are none."""
    return np.array(rows, np.float32).reshape(-1, 4)


def detections_of(*rows: tuple[float, float, float, float, float]) -> Detections:
    """Detections from rows of four corners and a score."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(table[:, :4], table[:, 4])


def red_page(wh: tuple[int, int], red: tuple[int, int, int, int]) -> bytes:
    """A white page with one red room and, near the corners, black dots."""
    picture = Image.new("RGB", wh, "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((red[0], red[1], red[2] - 1, red[3] - 1), fill=RED)
    for x, y in ((20, 20), (wh[0] - 40, wh[1] - 40)):
        draw.rectangle((x, y, x + 20, y + 20), fill="black")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def find_red(canvas: Pixels) -> Boxes:
    """What a network would answer that knows red rooms: the one around all red pixels."""
    height, width = canvas.shape[:2]
    anchors = [(height // stride) * (width // stride) for stride in STRIDES]
    output = np.zeros((5, sum(anchors)), np.float32)
    is_red = (canvas[..., 0] > 200) & (canvas[..., 1:] < 100).all(axis=2)
    rows, columns = np.flatnonzero(is_red.any(axis=1)), np.flatnonzero(is_red.any(axis=0))
    if rows.size:
        (x0, x1), (y0, y1) = (columns[0], columns[-1] + 1), (rows[0], rows[-1] + 1)
        cx, cy, last = (x0 + x1) / 2, (y0 + y1) / 2, STRIDES[-1]
        cell = sum(anchors[:-1]) + int(cy // last) * (width // last) + int(cx // last)
        output[:, cell] = cx, cy, x1 - x0, y1 - y0, 0.9
    return output


@pytest.mark.parametrize("wh", [(413, 590), (1500, 900)])
@pytest.mark.parametrize("name", list(all_looks(640)))
def test_every_look_finds_the_room_where_it_is(name: str, wh: tuple[int, int]) -> None:
    """Whatever is done to the page is undone to the boxes."""
    width, height = wh
    room = round(0.31 * width), round(0.43 * height), round(0.45 * width), round(0.63 * height)
    passes = all_looks(640)[name](Page.of(red_page(wh, room)), find_red)
    found = [one.boxes_xyxy * (wh * 2) for one in passes if len(one)]

    assert found
    for boxes in found:
        assert boxes[0] == pytest.approx(room, abs=max(wh) * 0.006)


@pytest.mark.parametrize(("variant", "zoom_below_px"), [(ONCE, 0), (SERVED, 90)])
@pytest.mark.parametrize("plans_a_side", [1, 4])
def test_the_served_variants_are_what_is_served(
    variant: str, zoom_below_px: int, plans_a_side: int
) -> None:
    """Otherwise the gains over them would mean nothing; on a plan and on a sheet of many."""
    network = AnySizeNetwork(NETWORK, Precision.FP32)
    page = Page.of(own_sheets(plans_a_side)[0].data)
    served = OpenVinoDetector(
        NETWORK, input_px=640, precision=Precision.FP32, zoom_below_px=zoom_below_px
    )
    look, _, merge = variant.partition(", ")
    found = all_merges()[merge](all_looks(640)[look](page, network.run))
    expected = served.detect(page.pixels(640), RequestOptions(confidence=0.01), closer=page.pixels)

    assert np.clip(found.boxes_xyxy, 0, 1) == pytest.approx(expected.boxes_xyxy, abs=1e-6)
    assert found.scores.tolist() == expected.scores.tolist()


@pytest.mark.parametrize(
    ("plans_a_side", "canvases"),
    [
        pytest.param(1, [(480, 640, 3)], id="a plan"),
        pytest.param(4, [(480, 640, 3), (960, 1280, 3)], id="a sheet"),
    ],
)
def test_a_closer_look_runs_the_network_no_oftener_than_the_server(
    plans_a_side: int, canvases: list[tuple[int, int, int]]
) -> None:
    """Otherwise its work and time would be told too high."""
    network, seen = AnySizeNetwork(NETWORK, Precision.FP32), []

    def run(canvas: Pixels) -> Boxes:
        seen.append(canvas.shape)
        return network.run(canvas)

    all_looks(640)["closer below 90"](Page.of(own_sheets(plans_a_side)[0].data), run)

    assert seen == canvases


@pytest.mark.parametrize("side", [512, 768])
def test_the_network_runs_at_other_sizes(side: int) -> None:
    """It finds the same rooms at nearly the same place, so its grids lie right."""
    network = AnySizeNetwork(NETWORK, Precision.FP32)
    page = Page.of(PLAN.read_bytes())
    (usual,), (other,) = (letterboxed(px)(page, network.run) for px in (network.input_px, side))
    sure = usual.boxes_xyxy[usual.scores > 0.7]
    again = other.boxes_xyxy[other.scores > 0.3]

    assert len(sure) > 20  # several candidates a room
    assert (iou_matrix(sure, again).max(axis=1) > 0.8).all()


@pytest.mark.parametrize("view", ALL_VIEWS)
def test_views_are_undone(view: View) -> None:
    """A box drawn on a picture is found on its view and maps back to where it was drawn."""
    pixels = np.zeros((40, 60), np.uint8)
    pixels[5:15, 20:50] = 1
    seen = apply_view(pixels, view)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    height, width = seen.shape
    box = [columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height]

    back = undo_view(np.array([box]), view)
    assert back[0] * [60, 40, 60, 40] == pytest.approx([20, 5, 50, 15])


@given(length=st.integers(1, 5000), tile=st.integers(64, 1000), overlap=st.floats(0, 0.5))
def test_tiles_cover_and_overlap(length: int, tile: int, overlap: float) -> None:
    """Every pixel is in a tile, none reaches beyond, neighbors share at least what was asked."""
    starts = tile_starts(length, tile, overlap)

    assert starts[0] == 0
    assert starts[-1] + tile >= length
    assert len(starts) == 1 or starts[-1] + tile == length
    assert all(b - a <= tile * (1 - overlap) + 1 for a, b in pairwise(starts))


def test_ink_is_found_on_any_paper() -> None:
    """The margin is part of it; a blank page is taken whole."""
    pixels = np.full((100, 200, 3), 230, np.uint8)
    assert ink_box(pixels) == (0, 0, 200, 100)
    pixels[40:60, 50:150] = (0, 0, 90)
    assert ink_box(pixels) == (47, 37, 153, 63)


@pytest.mark.parametrize("merge", all_merges().values(), ids=list(all_merges()))
def test_merges_keep_apart_what_is_apart(merge: Merge) -> None:
    """Nothing becomes nothing; boxes that do not touch stay as they are, best first."""
    nothing = merge([detections_of(), detections_of()])
    apart = merge([detections_of((0, 0, 1, 1, 0.5), (5, 5, 6, 6, 0.75))])

    assert len(nothing) == 0
    assert apart.boxes_xyxy.tolist() == [[5, 5, 6, 6], [0, 0, 1, 1]]
    assert apart.scores == pytest.approx([0.75, 0.5])


TWO = detections_of((0, 0, 10, 10, 0.8), (0, 0, 10, 8, 0.4))  # they overlap by 0.8


@pytest.mark.parametrize(
    ("merge", "expected"),
    [
        (suppressed(0.7), [(0, 0, 10, 10, 0.8)]),
        (voted(0.7, voters_iou=0.75), [(0, 0, 10, 28 / 3, 0.8)]),
        (fused(0.7), [(0, 0, 10, 10, 0.8)]),
        (fused(0.7, each_iou=0.9), [(0, 0, 10, 28 / 3, 1.0)]),
        (soft(0.5), [(0, 0, 10, 10, 0.8), (0, 0, 10, 8, 0.4 * np.exp(-0.64 / 0.5))]),
        (soft(0.5, iou=0.7), [(0, 0, 10, 10, 0.8)]),
        (distant(0.797), [(0, 0, 10, 10, 0.8), (0, 0, 10, 8, 0.4)]),  # 1 apart: 0.8 - 1 / 200
        (distant(0.79), [(0, 0, 10, 10, 0.8)]),
    ],
    ids=["nms", "voted", "fused", "summed", "soft", "soft and hard", "distant", "near"],
)
def test_overlapping_boxes(merge: Merge, expected: list[tuple[float, ...]]) -> None:
    """What each merge makes of two boxes of one pass."""
    found = merge([TWO])

    rows = np.column_stack([found.boxes_xyxy, found.scores])
    assert rows == pytest.approx(np.array(expected), abs=1e-5)


def test_fusion_weighs_passes() -> None:
    """A room of both passes has their mean; one of a single pass half its confidence."""
    first = detections_of((0, 0, 10, 10, 0.8), (20, 20, 30, 30, 0.6))
    found = fused(0.5)([first, detections_of((0, 0, 10, 8, 0.4))])

    assert found.scores == pytest.approx([0.6, 0.3])
    assert found.boxes_xyxy[0] == pytest.approx([0, 0, 10, 28 / 3])


@pytest.mark.parametrize(
    ("change", "factors"),
    [
        (demote_covered(0.9, 0.5), [1, 1, 1, 0.5]),
        (demote_containers(2, 0.6, 0.5), [1, 1, 0.5, 1]),
        (demote_containers(3, 0.6, 0.5), [1, 1, 1, 1]),
        (demote_containers(2, 0.9, 0.5), [1, 1, 1, 1]),
    ],
    ids=["covered", "container", "too few", "too empty"],
)
def test_nested_boxes_lose_confidence(change: Change, factors: list[float]) -> None:
    """Two rooms, a box around both that they fill by 0.8, and a closet in the first."""
    found = detections_of(
        (0, 0, 10, 10, 0.9), (10, 0, 20, 10, 0.8), (0, 0, 20, 12.5, 0.7), (1, 1, 3, 3, 0.2)
    )
    changed = change(found)

    assert changed.boxes_xyxy.tolist() == found.boxes_xyxy.tolist()
    assert changed.scores / found.scores == pytest.approx(factors)


def test_composed_sheets_know_their_rooms() -> None:
    """Rooms lie where their colors are, on pictures of different sizes."""
    cells: list[tuple[Image.Image, Boxes]] = []
    for place in range(4):
        box = (0.25, 0.5, 0.75, 0.75)
        picture = Image.new("RGB", (80, 40 + 20 * place), "white")
        corners = np.rint(np.array(box) * (picture.size * 2)).astype(int).tolist()
        picture.paste(RED, tuple(corners))
        cells.append((picture, boxes_of(box)))
    sheet = compose(cells, 2)

    pixels: npt.NDArray[np.uint8] = np.asarray(Image.open(io.BytesIO(sheet.data)))
    assert sheet.size_wh_px == (160, 200)
    for x0, y0, x1, y1 in np.rint(sheet.rooms_xyxy_norm * (160, 200, 160, 200)).astype(int):
        assert (pixels[y0:y1, x0:x1] == RED).all()
        pixels = pixels.copy()
        pixels[y0:y1, x0:x1] = 255
    assert (pixels == 255).all()


def test_own_sheets_have_every_room() -> None:
    """A sheet of four plans has the rooms of four; mirrored ones are mirrored."""
    sheets = own_sheets(2)
    counts = [len(build().rooms) for build in PLAN_BUILDERS]

    assert [len(sheet.rooms_xyxy_norm) for sheet in sheets] == [
        sum(counts) + count for count in counts
    ]
    assert mirrored(boxes_of((0.1, 0.2, 0.4, 0.5)))[0] == pytest.approx([0.6, 0.2, 0.9, 0.5])


def test_rooms_are_counted_and_measured() -> None:
    """As large as the network sees them; a sheet of four plans has four times as many."""
    rooms = boxes_of((0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 0.6, 0.6), (0.5, 0.0, 0.6, 0.1))
    plan, blank = KnownPlan(b"", (2000, 1000), rooms), KnownPlan(b"", (9, 9), boxes_of())

    assert rooms_of([plan], 640).side_px == pytest.approx(0.1 * 640 / 2**0.5, abs=0.05)
    assert rooms_of([plan, blank], 640).a_picture == 1.5
    assert rooms_of([blank], 640) == Rooms(0, 0)
    one, four = (rooms_of(own_sheets(side)[:1], 640) for side in (1, 2))
    assert four.a_picture > 2 * one.a_picture
    assert four.side_px < one.side_px


def test_precision_of_known_answers() -> None:
    """All rooms, none, and each room beside as good a false one."""
    rooms = boxes_of((0.1, 0.1, 0.4, 0.4), (0.5, 0.5, 0.9, 0.9))
    plan = KnownPlan(b"", (200, 100), rooms)
    right = Detections(rooms, np.array([0.9, 0.8], np.float32))
    wrong = Detections(rooms + np.float32(0.35), right.scores)
    first = np.concatenate([wrong.boxes_xyxy[:1], rooms])
    below = Detections(first, np.array([0.95, 0.9, 0.8], np.float32))

    assert precision([plan], [right]).ap50_95 == pytest.approx(1)
    assert precision([plan], [detections_of()]).ap50 == 0
    assert precision([plan], [below]).ap50 == pytest.approx(2 / 3, abs=0.01)


def test_plan_sets_are_read(tmp_path: Path) -> None:
    """By prefix and name; a picture may have no room."""
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for name, label in (("b-2", ""), ("b-1", "0 0.5 0.5 0.5 0.2\n"), ("a-1", "")):
        Image.new("L", (30, 20)).save(tmp_path / "images" / f"{name}.png")
        (tmp_path / "labels" / f"{name}.txt").write_text(label)
    first, second = read_plan_set(tmp_path, "b-")

    assert first.rooms_xyxy_norm == pytest.approx(np.array([[0.25, 0.4, 0.75, 0.6]]))
    assert (first.size_wh_px, second.rooms_xyxy_norm.shape) == ((30, 20), (0, 4))
    with pytest.raises(DataError, match=r"c-\*"):
        read_plan_set(tmp_path, "c-")


def test_sheets_that_are_not_filled_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five plans fill a sheet of four, which is told, and none of nine, which is told too."""
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for number in range(5):
        (tmp_path / "images" / f"{number}.png").write_bytes(red_page((64, 64), (8, 8, 24, 40)))
        (tmp_path / "labels" / f"{number}.txt").write_text("0 0.25 0.375 0.25 0.5\n")
    command = [f"red={tmp_path}", "--mosaic", "2", "3", "--network", str(NETWORK)]

    assert main([*command, "--only", f"^{ONCE}$"]) == 0

    report, told = json.loads((captured := capsys.readouterr()).out), captured.err
    assert report["pictures"] == {"red": 5, "red 2 x 2": 1}
    assert report["rooms"]["red 2 x 2"]["a_picture"] == 4
    assert "red: too few plans for 3 x 3" in told
    assert "red 2 x 2: 4 rooms of 113 px" in told


def test_every_variant_exists() -> None:
    """Names lead to a look and a merge; tiles are for large pages, enlarging for small ones."""
    looks, merges = all_looks(640), all_merges()
    variants = all_variants(640)

    assert {variant.look for variant in variants} == set(looks)
    assert {variant.merge for variant in variants} == set(merges)
    assert {ONCE, SERVED} <= {variant.name for variant in variants}
    assert not is_telling(Variant("tiles of 1280", "nms 0.6"), [640, 600], 640)
    assert not is_telling(Variant("enlarged box", "nms 0.6"), [640, 1000], 640)
    assert is_telling(Variant("page", "nms 0.6"), [640], 640)
