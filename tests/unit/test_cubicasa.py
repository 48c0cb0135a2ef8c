# SPDX-License-Identifier: AGPL-3.0-or-later
"""CubiCasa5k becomes a plan set."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from plans.cubicasa import main
from plans.cubicasa_drawing import PlanRefused, parse_spaces, parse_transform
from tests.cubicasa5k import (
    MODEL,
    PICTURE_WH,
    ROOMS,
    WALL,
    WALLS,
    Box,
    draw_picture,
    drawing,
    floor,
    put_plan,
    space,
)

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A data set of one plan."""
    source = tmp_path / "cubicasa5k"
    put_plan(source, "high_quality/123", MODEL)
    return source


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """Exit code and report of the program."""
    code = main([str(argument) for argument in arguments])
    return code, json.loads(capsys.readouterr().out or "{}")


def read_set(folder: Path) -> list[tuple[dict[str, Any], npt.NDArray[np.uint8], list[list[float]]]]:
    """Every line of the index with its picture and its labels."""
    rows = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    found = []
    for row in rows:
        pixels = np.asarray(Image.open(folder / "images" / row["image"]))
        text = (folder / "labels" / row["image"]).with_suffix(".txt").read_text()
        found.append(
            (row, pixels, [[float(word) for word in line.split()] for line in text.splitlines()])
        )
    return found


def boxes_px(labels: list[list[float]], wh: tuple[int, int]) -> list[Box]:
    """Labels as corners in pixels."""
    table = np.array(labels)
    centers, halves = table[:, 1:3], table[:, 3:] / 2
    corners = np.concatenate([centers - halves, centers + halves], axis=1) * (wh * 2)
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in np.rint(corners).astype(int).tolist()]


def test_labels_are_the_drawn_rooms(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A unit of the drawing is a pixel of the picture, whatever size the drawing says it has."""
    out = tmp_path / "set"
    code, report = run(capsys, source, "--out", out)

    [(row, pixels, labels)] = read_set(out)
    boxes = boxes_px(labels, PICTURE_WH)
    assert code == 0
    assert [room.box for room in ROOMS] == boxes
    for room, (x0, y0, x1, y1) in zip(ROOMS, boxes, strict=True):
        assert (pixels[y0:y1, x0:x1] == room.color).all()
        assert (pixels[y0 - 1, x0 - 1] == WALL).all()
    assert (row["plan"], row["rooms"]) == ("cubicasa:high_quality/123", 4)
    assert (row["width"], row["height"]) == PICTURE_WH
    assert report["rooms"] == {"LivingRoom": 1, "Closet": 1, "Outdoor": 1, "Undefined": 1}
    assert {label[0] for label in labels} == {0.0}


def test_large_pictures_are_reduced(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels are fractions, so that they hold for the smaller picture."""
    out = tmp_path / "set"
    run(capsys, source, "--out", out, "--side-px", "300")

    [(row, pixels, labels)] = read_set(out)
    assert pixels.shape == (200, 300, 3)
    assert (row["width"], row["height"]) == (300, 200)
    assert [room.box for room in ROOMS] == boxes_px(labels, PICTURE_WH)


@pytest.mark.parametrize(
    ("options", "kept", "left_out"),
    [
        (["--without-outdoor"], ["LivingRoom", "Closet", "Undefined"], {"Outdoor": 1}),
        (
            ["--without", "Closet", "Undefined"],
            ["LivingRoom", "Outdoor"],
            {"Closet": 1, "Undefined": 1},
        ),
        (["--min-side-px", "41"], ["LivingRoom", "Outdoor", "Undefined"], {"sliver": 1}),
    ],
    ids=["outdoor", "kinds", "slivers"],
)
def test_what_counts_as_a_room_can_be_chosen(
    source: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    kept: list[str],
    left_out: dict[str, int],
) -> None:
    """Kinds and narrow spaces can be left out; the report counts them."""
    _, report = run(capsys, source, "--out", tmp_path / "set", *options)

    assert set(kept) == set(report["rooms"])
    assert left_out == {reason: n for reason, n in report["left_out_spaces"].items() if n}


@pytest.mark.parametrize(
    "points",
    ["", "1,1 9,9", "1,1 9,1 9,1", "1,1 9,1 9", "1,1 9,x 9,9", "1,1 nan,5 9,9", "3,1 3,5 3,9"],
    ids=["none", "line", "flat", "odd", "word", "nan", "upright"],
)
def test_a_broken_polygon_is_counted_and_left_out(points: str) -> None:
    """One broken space does not cost the plan."""
    broken = f'<g class="Space Bath"><polygon points="{points}"/></g><g class="Space Attic"/>'
    spaces, count = parse_spaces(drawing(floor(1, broken, space(ROOMS[0]))))

    assert ["LivingRoom"] == [space.kind for space in spaces]
    assert 2 == count


@pytest.mark.parametrize(
    ("text", "point", "expected"),
    [
        ("", (3, 4), (3, 4)),
        ("matrix(0,1,-1,0,10,20)", (3, 4), (6, 23)),
        ("matrix(1 0 0 1 5 6)", (3, 4), (8, 10)),
        ("translate(5)", (3, 4), (8, 4)),
        ("translate(10, 0) scale(2)", (3, 4), (16, 8)),
        ("scale(2,3),translate(1,1)", (3, 4), (8, 15)),
    ],
)
def test_transforms_move_points(
    text: str, point: tuple[float, float], expected: tuple[float, float]
) -> None:
    """The last of several is applied first, as SVG says."""
    moved = parse_transform(text) @ [*point, 1]

    assert moved[:2].tolist() == pytest.approx(expected)


BOMB = """<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "0,0 9,0 "><!ENTITY b "&a;&a;&a;&a;">]>
<svg xmlns="http://www.w3.org/2000/svg"><g class="Space Bath"><polygon points="&b;"/></g></svg>"""


@pytest.mark.parametrize(
    ("svg", "reason"),
    [
        (BOMB, "document type"),
        ("<svg><g></svg>", "no XML"),
        ("<svg>&b;</svg>", "no XML"),
        ("<html/>", "<html>"),
        (drawing(floor(1, space(ROOMS[0])), view="5 0 500 300"), "'5 0 500 300'"),
        (drawing(floor(1, transform="rotate(90)")), "rotate"),
        (drawing(floor(1, transform="matrix(1,0,0)")), "matrix"),
        (drawing(floor(1, transform="scale(2); x")), "; x"),
    ],
    ids=["entities", "unclosed", "undeclared", "html", "origin", "rotate", "short", "rest"],
)
def test_an_unknown_drawing_is_refused(svg: str, reason: str) -> None:
    """What is not understood is not guessed at; no entity is expanded."""
    with pytest.raises(PlanRefused, match=reason):
        parse_spaces(svg)


def test_a_refused_plan_does_not_stop_the_others(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report says of each folder that was left out why."""
    put_plan(source, "colorful/1", MODEL, draw_picture((250, 150)))
    put_plan(source, "colorful/2", drawing(floor(1, WALLS)), draw_picture((601, 400)))
    put_plan(source, "colorful/3", MODEL.encode("utf-16"), draw_picture((602, 400)))
    put_plan(source, "colorful/4", MODEL)  # the same picture as that of the plan before
    floors = put_plan(source, "colorful/5", MODEL, draw_picture((603, 400)))
    draw_picture((604, 400)).save(floors / "F2_scaled.png")
    (put_plan(source, "colorful/6", MODEL) / "F1_scaled.png").write_bytes(b"no picture")
    (put_plan(source, "colorful/7", MODEL) / "F1_scaled.png").unlink()
    code, report = run(capsys, source, "--out", tmp_path / "set")

    reasons = report["left_out_plans"]
    assert (code, report["pictures"]) == (0, 1)
    assert "outside its picture" in reasons["colorful/1"]
    assert "no room" in reasons["colorful/2"]
    assert "UTF-8" in reasons["colorful/3"]
    assert "another plan" in reasons["high_quality/123"]
    assert "F2_scaled.png differs" in reasons["colorful/5"]
    assert "cannot identify" in reasons["colorful/6"]
    assert "No such file" in reasons["colorful/7"]


def test_floors_that_share_one_picture_are_taken(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """F2_scaled.png is as a rule the same sheet again."""
    draw_picture().save(source / "high_quality/123/F2_scaled.png")
    _, report = run(capsys, source, "--out", tmp_path / "set")

    assert report["pictures"] == 1


def test_a_split_list_chooses_the_folders(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lists have a slash on both sides; a picture of another set can be left out."""
    for number in (1, 2):
        put_plan(source, f"colorful/{number}", MODEL, draw_picture((600 + number, 400)))
    put_plan(source, "colorful/3", MODEL, draw_picture((602, 400)))
    (source / "val.txt").write_text("/colorful/2/\n")
    (source / "train.txt").write_text("/colorful/1/\n/colorful/3/\n\n")
    val, train = tmp_path / "val", tmp_path / "train"
    run(capsys, source, "--split", source / "val.txt", "--out", val)
    _, report = run(
        capsys, source, "--split", source / "train.txt", "--out", train, "--not-in", val
    )

    assert ["cubicasa:colorful/2"] == [row["plan"] for row, _, _ in read_set(val)]
    assert ["cubicasa:colorful/1"] == [row["plan"] for row, _, _ in read_set(train)]
    assert ["colorful/3"] == list(report["left_out_plans"])


def test_nothing_to_do_is_an_error(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong folder, and a plan set that would be overwritten."""
    assert main([str(tmp_path / "elsewhere"), "--out", str(tmp_path / "set")]) == 1
    assert "model.svg" in capsys.readouterr().err
    assert main([str(source), "--out", str(tmp_path / "set")]) == 0
    assert main([str(source), "--out", str(tmp_path / "set")]) == 1
    assert "already" in capsys.readouterr().err
    assert main([str(source), "--out", str(tmp_path / "other"), "--side-px", "0"]) == 1
