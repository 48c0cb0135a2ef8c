# SPDX-License-Identifier: AGPL-3.0-or-later
"""The evaluation's corrupted pages: named, repeatable, and with boxes on their rooms."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from evaluation.corruptions import CORRUPTIONS, Corruption, select

ROOM = (200, 100, 420, 300)
EACH_CORRUPTION = pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda each: each.name)


def drawn_page() -> np.ndarray:
    """A page with one dark room."""
    picture = Image.new("RGB", (640, 400), "white")
    left, top, right, bottom = ROOM
    ImageDraw.Draw(picture).rectangle((left, top, right - 1, bottom - 1), fill=(40, 40, 40))
    return np.array(picture)


@EACH_CORRUPTION
def test_the_box_stays_on_its_room(corruption: Corruption) -> None:
    """Most of the new box is as the room was, and a frame around it as the paper was."""
    boxes = np.array([ROOM], np.float32)

    page, (box,) = corruption.apply(drawn_page(), boxes, "plan.png")

    light = page.astype(np.float64).mean(axis=2)
    x0, y0, x1, y1 = box.round().astype(int).tolist()
    inside = light[y0:y1, x0:x1]
    outside = np.concatenate(
        [light[y0 - 30 : y0 - 22, x0:x1].ravel(), light[y0:y1, x1 + 22 : x1 + 30].ravel()]
    )
    assert inside.size > 15_000
    assert abs(np.median(inside) - np.median(outside)) > 40
    np.testing.assert_array_equal(boxes, [ROOM])


@EACH_CORRUPTION
def test_the_same_picture_is_always_spoiled_in_the_same_way(corruption: Corruption) -> None:
    """Picture and corruption are the seed."""
    boxes = np.array([ROOM], np.float32)
    one, again = (corruption.apply(drawn_page(), boxes, "plan.png") for _ in range(2))

    np.testing.assert_array_equal(one[0], again[0])
    np.testing.assert_array_equal(one[1], again[1])
    assert one[0].shape != drawn_page().shape or (one[0] != drawn_page()).any()


def test_two_pictures_are_spoiled_differently() -> None:
    """Noise on one plan is not the noise on another."""
    (noise,) = select("noise")
    boxes = np.zeros((0, 4), np.float32)
    one, other = (noise.apply(drawn_page(), boxes, name)[0] for name in ("a.png", "b.png"))

    assert (one != other).any()


def test_corruptions_are_chosen_by_name() -> None:
    """All, none, or some; a wrong name is answered with the right ones."""
    assert select("all") == CORRUPTIONS
    assert select("none") == ()
    assert [corruption.name for corruption in select("jpeg,blur-2")] == ["jpeg", "blur-2"]
    with pytest.raises(ValueError, match=r"called 'rain'; known: blur-1, blur-2, noise"):
        select("jpeg,rain")


def test_names_are_told_apart() -> None:
    """The reports know a corruption by its name."""
    names = [corruption.name for corruption in CORRUPTIONS]

    assert len(set(names)) == len(names)
    assert not {"all", "none", "clean"} & set(names)
