# SPDX-License-Identifier: AGPL-3.0-or-later
"""Plan sets: what is read, refused, held out and drawn."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from plans.errors import DataError
from plans.labels import parse_labels, plan_of
from plans.plan_sets import (
    Sample,
    epoch_picks,
    evenly_thinned,
    named_set,
    parse_source,
    read_picture,
    read_plan_set,
    read_sources,
    split_by_plan,
)
from roomdet.config import Limits
from roomdet.images import read_page
from tests.builders import draw_plan

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOM = "0 0.5 0.5 0.2 0.4\n"


def write_picture(folder: Path, name: str, labels: str | None = ROOM) -> None:
    """A drawn plan with its labels; no labels file for None."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "labels").mkdir(exist_ok=True)
    draw_plan((64, 40)).save(folder / "images" / name)
    if labels is not None:
        (folder / "labels" / name).with_suffix(".txt").write_text(labels)


def entries_of(plans: Iterable[str], folder: Path) -> list[Sample]:
    """A sample per plan; the pictures are never opened."""
    boxes = np.zeros((0, 4), np.float32)
    return [
        Sample(folder / f"{number}-{plan}.png", boxes, (8, 8), plan)
        for number, plan in enumerate(plans)
    ]


# -- labels ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "boxes", "dropped"),
    [
        pytest.param("", [], 0, id="empty"),
        pytest.param("7 0.5 0.5 0.2 0.4\n\n", [(0.5, 0.5, 0.2, 0.4)], 0, id="any-class"),
        pytest.param("0 0.1 0.2 0.5 0.2 0.5 0.6\n", [(0.3, 0.4, 0.4, 0.4)], 0, id="polygon"),
        pytest.param(
            "0 0.5 0.1 0.9 0.5 0.5 0.9 0.1 0.5\n", [(0.5, 0.5, 0.8, 0.8)], 0, id="oriented-box"
        ),
        pytest.param("0 0.0 0.5 0.4 0.2\n", [(0.1, 0.5, 0.2, 0.2)], 0, id="clipped"),
        pytest.param("0 1.5 0.5 0.4 0.2\n0 0.5 0.5 0 0.2\n" + ROOM, [(0.5, 0.5, 0.2, 0.4)], 2,
                     id="no-area-inside"),
    ],
)  # fmt: skip
def test_labels_become_boxes(text: str, boxes: list[tuple[float, ...]], dropped: int) -> None:
    """Boxes, polygons and oriented boxes become boxes inside the picture; the rest is counted."""
    found, lost = parse_labels(text, name="a.txt")

    assert found.dtype == np.float32
    assert lost == dropped
    np.testing.assert_allclose(found, np.array(boxes).reshape(-1, 4), atol=1e-6)


@pytest.mark.parametrize("line", ["0 0.5 0.5 0.2", "0 a b c d", "0 nan 0.5 0.2 0.2", "0 1 2 3 4 5"])
def test_other_labels_are_refused_by_name(line: str) -> None:
    """A line that is neither box nor polygon names its file and itself."""
    with pytest.raises(DataError, match=r"a\.txt: '0 .*'"):
        parse_labels(ROOM + line, name="a.txt")


@pytest.mark.parametrize(
    ("stem", "plan"),
    [
        ("ground_jpg.rf.5d2071f593c760aba1cbaf5f57084bab", "ground_jpg"),
        ("a.rf.b_png.rf.0123", "a.rf.b_png"),
        ("ground-floor.v2", "ground-floor.v2"),
    ],
)
def test_roboflow_names_tell_their_plan(stem: str, plan: str) -> None:
    """The hash of an augmented sibling is no part of the plan."""
    assert plan_of(stem) == plan


# -- folders --------------------------------------------------------------------------------


def test_a_plan_set_is_read_with_its_index(tmp_path: Path) -> None:
    """The index names plan and family, and may say that a picture has no rooms, or all of them."""
    write_picture(tmp_path, "a.png")
    write_picture(tmp_path, "b.png", labels=None)
    rows = [
        {"image": "a.png", "plan": "house", "family": "scan", "complete": True},
        {"image": "b.png", "plan": "yard", "rooms": 0},
    ]
    (tmp_path / "index.jsonl").write_text("\n".join(json.dumps(row) for row in rows))

    found = read_plan_set(tmp_path).samples

    assert [(e.plan, e.family, len(e.boxes_xywhn)) for e in found] == [
        ("house", "scan", 1),
        ("yard", "", 0),
    ]
    assert [e.size_hw for e in found] == [(40, 64)] * 2
    assert [e.is_complete for e in found] == [True, False]


def test_an_export_is_read_without_its_test_part(tmp_path: Path) -> None:
    """train/ and valid/ are one set, whose siblings share a plan; test/ is left alone."""
    for part, name in [
        ("train", "x_jpg.rf.aa.jpg"),
        ("valid", "x_jpg.rf.bb.jpg"),
        ("test", "t.png"),
    ]:
        write_picture(tmp_path / part, name)

    found = read_plan_set(tmp_path).samples

    assert [e.plan for e in found] == ["x_jpg", "x_jpg"]


def test_all_unusable_pictures_are_named(tmp_path: Path) -> None:
    """Missing labels and unreadable files are refused, each by name."""
    write_picture(tmp_path, "good.png")
    write_picture(tmp_path, "unlabeled.png", labels=None)
    write_picture(tmp_path, "broken.png")
    (tmp_path / "images" / "broken.png").write_bytes(b"no picture")

    with pytest.raises(DataError, match=r"(?s)2 pictures.*broken\.png.*unlabeled\.png"):
        read_plan_set(tmp_path)


@pytest.mark.parametrize("files", [[], ["images/notes.txt"]], ids=["no-folders", "no-pictures"])
def test_a_folder_without_pictures_is_refused(tmp_path: Path, files: list[str]) -> None:
    """The message says what is looked for."""
    for name in files:
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()

    with pytest.raises(DataError, match="images/"):
        read_plan_set(tmp_path)


@pytest.mark.parametrize("text", ["{", "[1]", '{"plan": "a"}'])
def test_a_malformed_index_is_refused_by_line(tmp_path: Path, text: str) -> None:
    """The message has the file and the line."""
    write_picture(tmp_path, "a.png")
    (tmp_path / "index.jsonl").write_text('{"image": "a.png"}\n' + text)

    with pytest.raises(DataError, match=r"index\.jsonl, line 2"):
        read_plan_set(tmp_path)


def test_weights_follow_the_folder(tmp_path: Path) -> None:
    """DIR:0.5 and DIR; a colon that belongs to a folder's name stays there."""
    write_picture(tmp_path / "a", "a.png")
    write_picture(tmp_path / "b:2", "b.png")

    found = read_sources([f"{tmp_path / 'a'}:0.5", f"{tmp_path / 'b:2'}"]).samples

    assert [e.weight for e in found] == [0.5, 1.0]
    assert parse_source("plans:v2") == (Path("plans:v2"), 1.0)


@pytest.mark.parametrize("text", ["plans:0", "plans:-1", "plans:nan", "plans:inf"])
def test_a_weight_is_positive(text: str) -> None:
    """A set that is never drawn is a mistake."""
    with pytest.raises(DataError, match="greater than 0"):
        parse_source(text)


def test_rooms_come_as_corners_too(tmp_path: Path) -> None:
    """In the order of names; any class is a room; an empty label is a picture without rooms."""
    write_picture(tmp_path, "b.jpg", "")
    write_picture(tmp_path, "a.png", "0 0.5 0.5 0.5 1\n7 0.1 0.2 0.2 0.4\n\n")

    first, second = read_plan_set(tmp_path).samples

    assert (first.path.name, second.path.name) == ("a.png", "b.jpg")
    assert second.boxes_xyxyn.shape == (0, 4)
    corners = first.boxes_xyxy_px((20, 10))
    np.testing.assert_allclose(corners, [(5, 0, 15, 10), (0, 0, 4, 4)], atol=1e-5)
    again = Sample.of_corners(first.path, first.boxes_xyxyn, first.size_hw)
    np.testing.assert_allclose(again.boxes_xywhn, first.boxes_xywhn, atol=1e-6)


def test_a_prefix_chooses_pictures(tmp_path: Path) -> None:
    """One folder may hold several sources."""
    for name in ("r3d-1.png", "cubicasa-1.png", "cubicasa-2.webp"):
        write_picture(tmp_path, name, "")
    (tmp_path / "images" / "cubicasa-notes.txt").write_text("no picture")

    names = [sample.path.name for sample in read_plan_set(tmp_path, prefix="cubicasa-").samples]

    assert names == ["cubicasa-1.png", "cubicasa-2.webp"]
    with pytest.raises(DataError, match="named other-"):
        read_plan_set(tmp_path, prefix="other-")


@pytest.mark.parametrize(
    ("count", "at_most", "left"),
    [(10, 20, 10), (10, 10, 10), (11, 10, 6), (381, 60, 55), (5, 1, 1)],
)
def test_thinning_takes_every_kth(count: int, at_most: int, left: int) -> None:
    """Spread over the whole set, never more than wanted."""
    thinned = evenly_thinned(range(count), at_most)

    assert (len(thinned), thinned[0]) == (left, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("r3d=plans:r3d-", ("r3d", Path("plans"), "r3d-")),
        ("all=my/plans", ("all", Path("my/plans"), "")),
    ],
)
def test_sets_are_named_on_the_command_line(text: str, expected: tuple[str, Path, str]) -> None:
    """With a prefix or without."""
    assert named_set(text) == expected


@pytest.mark.parametrize("text", ["plans", "=plans", "r3d=", "r3d=:r3d-"])
def test_a_set_without_name_or_folder_is_refused(text: str) -> None:
    """The message says how it is written."""
    with pytest.raises(argparse.ArgumentTypeError, match="is not NAME=DIR or NAME=DIR:PREFIX"):
        named_set(text)


# -- pictures -------------------------------------------------------------------------------


def test_a_turned_photo_is_read_upright(tmp_path: Path) -> None:
    """Labels refer to the picture as people see it, and so do size and pixels."""
    write_picture(tmp_path, "a.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    draw_plan((64, 40)).save(tmp_path / "images" / "a.jpg", exif=exif)

    (sample,) = read_plan_set(tmp_path).samples
    page = read_picture(sample.path, 32)

    assert (sample.size_hw, page.shape) == ((64, 40), (32, 20, 3))


def test_transparent_paper_is_white(tmp_path: Path) -> None:
    """As the server shows it."""
    picture = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    picture.putpixel((0, 0), (0, 0, 0, 255))
    picture.save(tmp_path / "a.png")

    page = read_picture(tmp_path / "a.png", 8)
    assert (page == 255).all(axis=2).sum() == 63


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *((name, mode) for name in ("a.png", "a.webp") for mode in ("RGB", "RGBA", "L", "LA", "P")),
        *(("a.jpg", mode) for mode in ("RGB", "L")),
    ],
)
@pytest.mark.parametrize("side_px", [640, 500])
def test_training_sees_what_the_server_sees(
    tmp_path: Path, name: str, mode: str, side_px: int
) -> None:
    """The same pixels of a picture as it is, nearly the same of one that is reduced."""
    picture = draw_plan((640, 400)).convert(mode)
    if mode.endswith("A"):
        alpha = Image.linear_gradient("L").resize(picture.size)
        picture.putalpha(alpha)
    picture.save(tmp_path / name, lossless=True)  # WebP's; the others have no such option

    ours = read_picture(tmp_path / name, side_px)
    data = (tmp_path / name).read_bytes()
    page = read_page(data, page=1, side_px=side_px, limits=Limits()).pixels
    distance = np.abs(ours.astype(int) - page)

    assert ours.shape == page.shape
    if side_px == 640 and name != "a.jpg":
        assert distance.max() <= 1
    assert distance.mean() < 0.5


def test_a_small_picture_is_enlarged(tmp_path: Path) -> None:
    """The network learns at one size; the server leaves small pages as they are."""
    Image.new("RGB", (8, 4), "white").save(tmp_path / "a.png")

    assert read_picture(tmp_path / "a.png", 32).shape == (16, 32, 3)


def test_a_cut_picture_is_refused_by_name(tmp_path: Path) -> None:
    """What its header does not tell shows when it is decoded."""
    path = tmp_path / "cut.png"
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:900])

    with pytest.raises(DataError, match=r"cut\.png"):
        read_picture(path, 32)


# -- held-out plans -------------------------------------------------------------------------


def test_no_plan_is_on_both_sides(tmp_path: Path) -> None:
    """Three pictures of each of 40 plans stay together, and about the share is held out."""
    split = split_by_plan(
        entries_of([f"plan {n % 40}" for n in range(120)], tmp_path),
        held_out=0.25,
        seed=1,
        most=999,
    )

    train, held = ({e.plan for e in side} for side in (split.train, split.val))
    assert not train & held
    assert len(split.train) + len(split.val) == 120
    assert 4 <= len(held) <= 16


def test_new_plans_do_not_move_others(tmp_path: Path) -> None:
    """A plan's side depends on its id and the seed alone; another seed holds out others."""
    plans = [f"plan {n}" for n in range(60)]
    few, many, other = (
        {e.plan for e in split_by_plan(entries_of(p, tmp_path), held_out=0.2, seed=s, most=999).val}
        for p, s in ((plans[:40], 0), (plans, 0), (plans, 1))
    )

    assert few == many & set(plans[:40])
    assert many != other


def test_held_out_pictures_are_capped_and_not_trained_on(tmp_path: Path) -> None:
    """The surplus is on neither side."""
    samples = entries_of([f"plan {n}" for n in range(100)], tmp_path)

    capped = split_by_plan(samples, held_out=0.5, seed=0, most=5)
    whole = split_by_plan(samples, held_out=0.5, seed=0, most=999)

    assert len(capped.val) == 5
    assert capped.train == whole.train


def test_two_plans_are_one_and_one(tmp_path: Path) -> None:
    """One is held out however small the share; a single plan cannot be split."""
    split = split_by_plan(entries_of("ab", tmp_path), held_out=0.01, seed=0, most=9)

    assert (len(split.train), len(split.val)) == (1, 1)
    with pytest.raises(DataError, match="1 plan is too few"):
        split_by_plan(entries_of("aa", tmp_path), held_out=0.5, seed=0, most=9)


# -- drawing --------------------------------------------------------------------------------


def test_weights_are_honored_in_every_epoch() -> None:
    """Weight 2 is drawn twice, 0.5 in half of the epochs, and epochs differ."""
    weights = [2.0] * 10 + [0.5] * 200
    epochs = [epoch_picks(weights, seed=3, epoch=epoch) for epoch in range(20)]

    counts = np.array([np.bincount(picks, minlength=210) for picks in epochs])
    assert (counts[:, :10] == 2).all()
    assert set(np.unique(counts[:, 10:])) == {0, 1}
    assert 0.45 < counts[:, 10:].mean() < 0.55
    assert not np.array_equal(counts[0], counts[1])


def test_an_epoch_is_the_same_again() -> None:
    """A resumed run draws what the killed one would have drawn."""
    first, again, other = (
        epoch_picks([0.5, 1.5, 1.0] * 20, seed=0, epoch=epoch).tolist() for epoch in (4, 4, 5)
    )

    assert first == again != other
