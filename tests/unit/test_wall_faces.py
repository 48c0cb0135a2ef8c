# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sides of an outline are laid on the faces of walls."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from roomdet.wall_faces import on_faces

# Counterclockwise as seen, two pixels too far out.
OUTLINE = np.array([(48, 38), (48, 162), (252, 162), (252, 38)], np.float64)
FACES = [(50, 40), (50, 160), (250, 160), (250, 40)]


def room(wall_px: int = 4) -> npt.NDArray[np.uint8]:
    """A page with a room of 200 x 120 px, free of ink, in walls."""
    page = np.full((200, 300), 255, np.uint8)
    page[40 - wall_px : 160 + wall_px, 50 - wall_px : 250 + wall_px] = 0
    page[40:160, 50:250] = 255
    return page


def moved(page: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """The outline on that page, with a mask of two pixels of the page each."""
    return on_faces(OUTLINE, page, (2.0, 2.0))


@pytest.mark.parametrize("wall_px", [4, 30])
def test_filled_walls_have_a_face(wall_px: int) -> None:
    """It is the inner one, whatever the wall's thickness."""
    assert moved(room(wall_px)) == pytest.approx(np.array(FACES), abs=0.6)


@pytest.mark.parametrize("line_px", [1, 2])
def test_a_line_is_its_middle(line_px: int) -> None:
    """Drawn along the face of a wall, half of it lies on either side."""
    outwards = np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)]) * line_px / 2
    assert moved(room(line_px)) == pytest.approx(np.array(FACES) + outwards, abs=0.3)


def test_pale_walls_count_too() -> None:
    """A rise of a fifth of white is a wall."""
    assert moved(255 - (255 - room()) // 4) == pytest.approx(np.array(FACES), abs=0.6)


def test_doors_and_windows_are_passed_over() -> None:
    """The rest of the wall says where its face is."""
    page = room()
    page[36:44, 60:150] = 255
    assert moved(page) == pytest.approx(np.array(FACES), abs=0.6)


def test_without_walls_nothing_moves() -> None:
    """Of an outline in the middle of paper every side stays."""
    assert moved(np.full((200, 300), 255, np.uint8)).tolist() == OUTLINE.tolist()


def test_a_wall_on_one_side_moves_that_side_alone() -> None:
    """The corners of the others slide along them."""
    page = room()
    page[:, :240] = 255
    assert moved(page)[:2].tolist() == OUTLINE[:2].tolist()
    assert moved(page)[2:, 0] == pytest.approx([250, 250], abs=0.6)


def test_walls_farther_off_are_others() -> None:
    """A side is moved by three pixels at most."""
    away = on_faces(OUTLINE + np.array([7.0, 0.0]), room(), (2.0, 2.0))
    assert away[:2, 0] == pytest.approx([55, 55])


def test_beyond_the_page_there_is_paper() -> None:
    """A room that the page cuts is no special case."""
    outside = on_faces(OUTLINE - 100, room(), (2.0, 2.0))
    assert np.isfinite(outside).all()
