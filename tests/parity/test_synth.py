# SPDX-License-Identifier: AGPL-3.0-or-later
"""The generator of synthetic blueprints: repeatable, exact, and with all that it promises."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from shapely.geometry import Polygon, box
from shapely.ops import unary_union

from plans.degrade import EFFECT_NAMES
from plans.synth.__main__ import parse_args
from plans.synth.blueprint import Spec, draw_blueprint
from plans.synth.canvas import Canvas
from plans.synth.floor import Kind, OpeningKind
from plans.synth.layouts import layout_to_floor, read_layouts
from plans.synth.partition import Building
from plans.synth.regions import open_zones
from plans.synth.render import draw_floor
from plans.synth.storey import build_storey
from plans.synth.style import WallStyle, draw_style

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = Spec(without=("tilt", "degrade", "crop", "stretch", "several"))
# Two rooms with a door between them, as the layouts' file writes it; 100 px are about 5 m.
LAYOUT = {
    "id": "two rooms",
    "rooms": [
        {"label": "bedroom", "polygon": [[6, 6], [100, 6], [100, 94], [6, 94]]},
        {"label": "bathroom", "polygon": [[106, 6], [194, 6], [194, 94], [106, 94]]},
    ],
    "walls": [
        {
            "outer": [[0, 0], [200, 0], [200, 100], [0, 100]],
            "holes": [
                [[6, 6], [100, 6], [100, 94], [6, 94]],
                [[106, 6], [194, 6], [194, 94], [106, 94]],
            ],
        }
    ],
    "openings": [
        {"outer": [[100, 20], [106, 20], [106, 40], [100, 40]], "holes": []},
        {"outer": [[30, 0], [70, 0], [70, 6], [30, 6]], "holes": []},
    ],
}


@pytest.mark.parametrize("seed", range(8))
def test_equal_seeds_give_equal_blueprints(seed: int) -> None:
    """A blueprint is a function of its seed and its specification."""
    first, second = (draw_blueprint(seed, Spec()) for _ in range(2))
    assert np.array_equal(first.page, second.page)
    assert np.array_equal(first.boxes_xyxy_px, second.boxes_xyxy_px)


def test_other_seeds_give_other_blueprints() -> None:
    """No two of twelve seeds draw the same page."""
    pages = {draw_blueprint(seed, Spec()).page.tobytes() for seed in range(12)}
    assert len(pages) == 12


@pytest.mark.parametrize("seed", range(40))
def test_boxes_lie_on_the_page(seed: int) -> None:
    """Boxes are in order, inside the page and not slivers, whatever happened to the page."""
    blueprint = draw_blueprint(seed, Spec())
    h, w = blueprint.page.shape[:2]
    assert max(h, w) == 640
    boxes = blueprint.boxes_xyxy_px
    assert boxes.shape[1] == 4
    assert (boxes >= 0).all()
    assert (boxes <= [w, h, w, h]).all()
    assert (boxes[:, 2:] - boxes[:, :2] >= 5).all()


@pytest.mark.parametrize("seed", range(30))
def test_each_room_has_an_outline_in_its_box(seed: int) -> None:
    """Outlines move with the page as boxes do; where nothing tilts it, they fill their boxes."""
    straight = Spec(without=("tilt", "photo", "degrade"))
    for spec, is_filled in ((Spec(), False), (straight, True)):
        blueprint = draw_blueprint(seed, spec)
        outlines = blueprint.outlines.points_px
        assert len(outlines) == len(blueprint.boxes_xyxy_px)
        for points, (x0, y0, x1, y1) in zip(outlines, blueprint.boxes_xyxy_px, strict=True):
            low, high = points.min(axis=0), points.max(axis=0)
            assert (low >= [x0 - 0.01, y0 - 0.01]).all()
            assert (high <= [x1 + 0.01, y1 + 0.01]).all()
            assert Polygon(points).is_valid
            if is_filled and min(x0, y0) > 0:
                assert np.allclose([*low, *high], [x0, y0, x1, y1], atol=0.01)


@pytest.mark.parametrize("building", list(Building))
@pytest.mark.parametrize("seed", range(10))
def test_storeys_hold_together(building: Building, seed: int) -> None:
    """Spaces keep clear of walls and of each other, and most can be entered."""
    floor = build_storey(building, np.random.default_rng(seed))
    walls = unary_union([floor.outer_walls, floor.inner_walls])
    for i, space in enumerate(floor.spaces):
        assert space.shape.intersection(walls).area < 1e-6 * space.shape.area + 1e-9
        for other in floor.spaces[:i]:
            assert space.shape.intersection(other.shape).area < 1e-6
    doors = [o for o in floor.openings if o.kind is not OpeningKind.WINDOW]
    rooms = [space for space in floor.spaces if space.is_room]
    entered = [
        space
        for space in rooms
        if any(space.shape.distance(door.hole) < 0.05 for door in doors)
        or any(space.shape.distance(o.shape) < 1e-6 for o in rooms if o is not space)
    ]
    assert len(entered) >= 0.8 * len(rooms)


def test_every_kind_of_space_occurs() -> None:
    """Closets, stairs, terraces, shafts and open plans are all there, as room or as decoy."""
    missing = set(Kind) - {Kind.ELEVATOR, Kind.VOID}  # of large buildings
    for seed in range(150):
        building = list(Building)[seed % len(Building)]
        floor = build_storey(building, np.random.default_rng(seed))
        missing -= {space.kind for space in floor.spaces}
        if not missing:
            return
    pytest.fail(f"never drawn: {sorted(missing)}")


@pytest.mark.parametrize("seed", range(20))
def test_open_zones_share_a_room_between_them(seed: int) -> None:
    """Two named zones, touching, that are the whole room; none in a room that is too small."""
    rng = np.random.default_rng(seed)
    whole = box(0, 0, rng.uniform(4, 8), rng.uniform(4, 8))

    zones = open_zones(whole, rng)

    assert len(zones) in (0, 2)
    if zones:
        (first_kind, first), (second_kind, second) = zones
        assert first_kind is Kind.LIVING
        assert second_kind is not Kind.LIVING
        assert first.intersection(second).area < 1e-9
        assert first.union(second).symmetric_difference(whole).area < 1e-9
    assert open_zones(box(0, 0, 3, 4), rng) == []


def test_shafts_are_no_rooms() -> None:
    """A shaft is drawn and not labeled."""
    floors = [build_storey(Building.HOME, np.random.default_rng(seed)) for seed in range(40)]
    shafts = [s for floor in floors for s in floor.spaces if s.kind is Kind.DUCT]
    assert shafts
    assert not any(shaft.is_room for shaft in shafts)


@pytest.mark.parametrize("style", list(WallStyle))
def test_walls_are_drawn_where_they_are(style: WallStyle) -> None:
    """In every style the walls carry ink and the middle of an empty room does not."""
    rng = np.random.default_rng(1)
    floor = layout_to_floor(LAYOUT, rng)
    others = [other for other in WallStyle if other is not style]
    office = draw_style(rng, others)
    assert office.outer_wall is style
    x0, y0, x1, _ = floor.bounds_m
    scale = 600 / (x1 - x0)
    page = np.full((400, 640, 3), 255, np.uint8)
    canvas = Canvas(page, np.array([[scale, 0, 20 - scale * x0], [0, scale, 20 - scale * y0]]))
    draw_floor(canvas, floor, office, rng)
    walls = canvas.mask(floor.outer_walls.union(floor.inner_walls).buffer(0.02)) > 0
    dark = page.min(axis=2) < 230
    assert dark[walls].mean() > 0.04
    assert dark[~walls].mean() < dark[walls].mean()


def test_layouts_become_storeys() -> None:
    """Rooms, the door between them and the window of a measured layout are found again."""
    floor = layout_to_floor(LAYOUT, np.random.default_rng(0))
    assert len(floor.spaces) == 2
    assert floor.spaces[0].kind is Kind.BEDROOM
    assert {opening.kind for opening in floor.openings} & {OpeningKind.SWING, OpeningKind.SLIDING}
    assert OpeningKind.WINDOW in {opening.kind for opening in floor.openings}
    area = sum(space.shape.area for space in floor.spaces)
    assert 25 < area < 95


@pytest.mark.parametrize("turn", [(-1, 0, 0, 1, 3, 0), (0, 1, 1, 0, 0, 2)])
def test_mirrored_storeys_keep_their_sizes(
    turn: tuple[float, float, float, float, float, float],
) -> None:
    """Mirrors and quarter turns change neither areas nor the sides that doors turn to."""
    floor = build_storey(Building.HOME, np.random.default_rng(5))
    moved = floor.transformed(turn)
    back = moved.transformed(_inverse(turn))
    assert back.bounds_m == pytest.approx(
        floor.bounds_m, abs=0.001
    )  # moved walls are on a 1 mm grid
    for before, after in zip(floor.spaces, moved.spaces, strict=True):
        assert after.shape.area == pytest.approx(before.shape.area)
    for opening, other in zip(floor.openings, moved.openings, strict=True):
        assert other.hole.area == pytest.approx(opening.hole.area)


def test_labels_fit_the_drawing() -> None:
    """On a plain page the edges of a room's box lie on ink or right beside it."""
    hits = []
    for seed in range(30):
        blueprint = draw_blueprint(seed, PLAIN)
        dark = cv2.dilate((blueprint.page.min(axis=2) < 200).astype(np.uint8), np.ones((9, 9)))
        for x0, y0, x1, y1 in blueprint.boxes_xyxy_px.round().astype(int):
            middle_x, middle_y = (x0 + x1) // 2, (y0 + y1) // 2
            h, w = dark.shape
            for x, y in ((x0, middle_y), (x1, middle_y), (middle_x, y0), (middle_x, y1)):
                hits.append(dark[min(max(y, 0), h - 1), min(max(x, 0), w - 1)])
    assert np.mean(hits) > 0.8


def test_unknown_ingredients_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt ingredient or damage is named together with the known ones."""
    with pytest.raises(ValueError, match=r"unknown ingredients \['dimension'\]; .*dimensions"):
        Spec(without=("dimension",))
    with pytest.raises(ValueError, match=r"unknown damage \['blurr'\]; .*blur, motion"):
        Spec(without_damage=("blurr",))
    with pytest.raises(SystemExit):
        parse_args(["--out", "build/plans", "--count", "1", "--without-damage", "blurr"])
    assert "'blurr' (choose from" in capsys.readouterr().err


def test_left_out_damage_changes_no_other_page() -> None:
    """Without noise few pages differ, in nothing but pixels; without any they are not spoiled."""
    noise = ("noise", "speckle", "dots")
    specs = {
        name: Spec(long_side_px=160, without=("tilt", "photo"), without_damage=left_out)
        for name, left_out in {"all": (), "no noise": noise, "none": EFFECT_NAMES}.items()
    }
    specs["clean"] = replace(specs["all"], without=(*specs["all"].without, "degrade"))
    differing = 0
    for seed in range(30):
        drawn = {name: draw_blueprint(seed, spec) for name, spec in specs.items()}
        boxes = [blueprint.boxes_xyxy_px.tobytes() for blueprint in drawn.values()]
        assert len(set(boxes)) == 1
        np.testing.assert_array_equal(drawn["none"].page, drawn["clean"].page)
        differing += bool((drawn["all"].page != drawn["no noise"].page).any())

    assert 1 <= differing <= 6


def test_left_out_wall_styles_do_not_occur() -> None:
    """An ablation really leaves its style out."""
    spec = Spec(without_walls=(WallStyle.BLACK, WallStyle.GRAY), long_side_px=320)
    styles = {draw_blueprint(seed, spec).wall_style for seed in range(60)}
    assert styles == set(WallStyle) - {WallStyle.BLACK, WallStyle.GRAY}


def test_the_command_writes_a_plan_set(tmp_path: Path) -> None:
    """Pictures, labels and the index agree; the layouts' file is optional."""
    layouts = tmp_path / "layouts.jsonl"
    layouts.write_text(json.dumps(LAYOUT) + "\n", encoding="utf-8")
    assert read_layouts(layouts) == [LAYOUT]
    for name, more in (("with", ["--layouts", str(layouts), "--layout-share", "1"]), ("own", [])):
        folder = tmp_path / name
        command = ["--out", str(folder), "--count", "3", "--seed", "7", "--px", "320", *more]
        subprocess.run([sys.executable, "-m", "plans.synth", *command], check=True)
        rows: list[dict[str, Any]] = [
            json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()
        ]
        assert [row["plan"] for row in rows] == [f"synth-{seed:08d}" for seed in (7, 8, 9)]
        for row in rows:
            image = cv2.imread(str(folder / "images" / row["image"]))
            assert image is not None
            assert image.shape[:2] == (row["height"], row["width"])
            labels = (folder / "labels" / f"{row['plan']}.txt").read_text().splitlines()
            assert len(labels) == row["rooms"]
            assert row["complete"] is True


def _inverse(
    turn: tuple[float, float, float, float, float, float],
) -> tuple[float, float, float, float, float, float]:
    a, b, d, e, dx, dy = turn
    inverse = np.linalg.inv(np.array([[a, b, dx], [d, e, dy], [0, 0, 1]]))
    (a, b, dx), (d, e, dy) = inverse[:2].tolist()
    return (a, b, d, e, dx, dy)
