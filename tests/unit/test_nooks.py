# SPDX-License-Identifier: AGPL-3.0-or-later
"""A room does not take in the smaller rooms in its corners, which were found by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from roomdet.nooks import has_walls, nooks_of, without

BEDROOM = (10, 10, 90, 90)
BATH = (10, 10, 50, 40)
HALL = (95, 10, 130, 90)


def polygon(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """A rectangle's corners."""
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64)


def nooks(*rooms: tuple[float, float, float, float]) -> list[list[tuple[float, ...]]]:
    """Boxes of the nooks of rooms that are rectangles."""
    found = nooks_of([polygon(*room) for room in rooms], np.array(rooms, np.float64))
    return [[(*nook[0].tolist(), *nook[2].tolist()) for nook in one] for one in found]


def test_a_bath_in_the_corner_of_a_bedroom_is_its_nook() -> None:
    """And not the other way around, nor is what lies beside it."""
    assert nooks(BEDROOM, BATH, HALL) == [[BATH], [], []]


def test_rooms_that_overlap_a_little_keep_what_they_have() -> None:
    """As boxes of neighbors do."""
    assert nooks(BEDROOM, (80, 10, 130, 60)) == [[], []]


def test_the_same_room_found_twice_is_no_nook() -> None:
    """It would take away all."""
    assert nooks(BEDROOM, (12, 12, 88, 88)) == [[], []]


def test_a_room_without_polygon_has_no_nooks_and_is_none() -> None:
    """Nothing is known of its floor."""
    boxes = np.array([BEDROOM, BATH], np.float64)

    assert nooks_of([None, polygon(*BATH)], boxes) == [[], []]
    assert nooks_of([polygon(*BEDROOM), None], boxes) == [[], []]
    assert nooks_of([], np.zeros((0, 4))) == []


def walled(*sides: tuple[int, int, int, int]) -> np.ndarray:
    """A page with walls two pixels thick along some sides."""
    page = np.full((100, 140), 255, np.uint8)
    for x0, y0, x1, y1 in sides:
        page[y0 : y1 + 2, x0 : x1 + 2] = 60
    return page


def test_ink_parts_a_nook_from_its_room() -> None:
    """With a door in it, too; without ink, or along a half of it, it is a part of the room."""
    bath, bedroom = polygon(*BATH), polygon(*BEDROOM)
    right, below = (50, 10, 50, 40), (10, 40, 50, 40)

    assert has_walls(bath, bedroom, walled(right, below))
    assert has_walls(bath, bedroom, walled(right, (10, 40, 38, 40)))
    assert not has_walls(bath, bedroom, walled())
    assert not has_walls(bath, bedroom, walled(right))
    assert not has_walls(bedroom, bedroom, walled(right, below))


def test_a_nook_is_taken_out_with_its_walls() -> None:
    """A twentieth of its side thick; the rest stays as it was."""
    mask = np.ones((100, 100), np.float32)

    rest = without(mask, [polygon(*BATH)])

    assert mask.all()
    assert not rest[10:40, 10:50].any()
    assert not rest[40, 10:50].any()  # of the wall, 1.7 pixels
    assert rest[44:, :].all()
    assert rest[:, 54:].all()
    assert rest.sum() == pytest.approx(10_000 - 43.5 * 33.5, rel=0.01)


def test_a_nook_beyond_the_mask_takes_what_is_there() -> None:
    """Whatever is left of its edge or above."""
    rest = without(
        np.ones((20, 20), np.float32), [polygon(-30, -30, 5, 5), polygon(50, 50, 60, 60)]
    )

    assert not rest[:5, :5].any()
    assert rest[8:, 8:].all()
