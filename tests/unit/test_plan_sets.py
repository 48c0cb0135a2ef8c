# SPDX-License-Identifier: AGPL-3.0-or-later
"""Plan sets are read whole or refused."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.errors import DataError
from training.plan_sets import PlanPicture, evenly_thinned, named_set, read_plan_set


def write_picture(folder: Path, name: str, label: str | None) -> None:
    """One blank picture with its label, or without one."""
    (folder / "images").mkdir(exist_ok=True)
    (folder / "labels").mkdir(exist_ok=True)
    Image.new("RGB", (20, 10)).save(folder / "images" / name)
    if label is not None:
        (folder / "labels" / name).with_suffix(".txt").write_text(label)


def test_pictures_come_with_their_rooms(tmp_path: Path) -> None:
    """In the order of names; any class is a room; an empty label is a picture without rooms."""
    write_picture(tmp_path, "b.jpg", "")
    write_picture(tmp_path, "a.png", "0 0.5 0.5 0.5 1\n7 0.1 0.2 0.2 0.4\n\n")

    first, second = read_plan_set(tmp_path)

    assert (first.path.name, second.path.name) == ("a.png", "b.jpg")
    assert second.boxes_xyxy_norm.shape == (0, 4)
    np.testing.assert_allclose(
        first.boxes_xyxy_px((20, 10)), [(5, 0, 15, 10), (0, 0, 4, 4)], atol=1e-5
    )


def test_a_prefix_chooses_pictures(tmp_path: Path) -> None:
    """One folder may hold several sources."""
    for name in ("r3d-1.png", "cubicasa-1.png", "cubicasa-2.webp"):
        write_picture(tmp_path, name, "")
    (tmp_path / "images" / "cubicasa-notes.txt").write_text("no picture")

    names = [picture.path.name for picture in read_plan_set(tmp_path, "cubicasa-")]

    assert names == ["cubicasa-1.png", "cubicasa-2.webp"]


@pytest.mark.parametrize(
    ("label", "complaint"),
    [
        (None, "cannot be read"),
        ("0 0.5 0.5 1", "neither a class with a box"),
        ("a b", "else than numbers"),
    ],
    ids=["missing", "short", "no-numbers"],
)
def test_a_bad_label_is_refused(tmp_path: Path, label: str | None, complaint: str) -> None:
    """A picture without its label would count as one without rooms."""
    write_picture(tmp_path, "plan.png", label)

    with pytest.raises(DataError, match=complaint):
        read_plan_set(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """The message says what was looked for."""
    with pytest.raises(DataError, match="holds no picture named r3d-"):
        read_plan_set(tmp_path, "r3d-")


@pytest.mark.parametrize(
    ("count", "at_most", "left"),
    [(10, 20, 10), (10, 10, 10), (11, 10, 6), (381, 60, 55), (5, 1, 1)],
)
def test_thinning_takes_every_kth(tmp_path: Path, count: int, at_most: int, left: int) -> None:
    """Spread over the whole set, never more than wanted."""
    boxes = np.zeros((0, 4), np.float32)
    pictures = [PlanPicture(tmp_path / f"{number:03d}.png", boxes) for number in range(count)]

    thinned = evenly_thinned(pictures, at_most)

    assert len(thinned) == left
    assert thinned[0] == pictures[0]


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
