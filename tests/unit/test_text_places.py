# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lines of text out of what was marked as text."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from roomdet.text_places import Place, cut_out, fit, halves, places, snug, ways

PAGE = (200, 300)  # height and width


def marks(*rectangles: tuple[int, int, int, int], value: int = 200) -> np.ndarray:
    """Rectangles x0, y0, x1, y1 that are marked."""
    marked = np.zeros(PAGE, np.uint8)
    for x0, y0, x1, y1 in rectangles:
        marked[y0:y1, x0:x1] = value
    return marked


def page(*rectangles: tuple[int, int, int, int]) -> np.ndarray:
    """A white page with black rectangles."""
    pixels = np.full((*PAGE, 3), 255, np.uint8)
    for x0, y0, x1, y1 in rectangles:
        pixels[y0:y1, x0:x1] = 0
    return pixels


class TestPlaces:
    """Marks that touch are a line."""

    def test_a_line_is_larger_than_its_mark(self) -> None:
        """The network marks less than the letters: 60 x 10 px grow by 1.4 * 600 / 70 = 12 px."""
        (place,) = places(marks((100, 50, 160, 60)))

        assert (place.x, place.y, place.slant_degrees) == (130, 55, 0)
        assert (place.length, place.height) == pytest.approx((72, 22))

    @pytest.mark.parametrize(
        "rectangles",
        [
            (),
            ((100, 50, 160, 52),),  # a speck
        ],
        ids=["blank", "speck"],
    )
    def test_nothing_is_no_line(self, rectangles: tuple[tuple[int, int, int, int], ...]) -> None:
        """A blank page has none, and a mark of two rows is none."""
        assert places(marks(*rectangles)) == []

    def test_a_faint_mark_is_no_line(self) -> None:
        """What is marked with less than 0.4 on the mean is something else."""
        assert places(marks((100, 50, 160, 60), value=90)) == []

    def test_marks_that_touch_are_one(self) -> None:
        """By a side, in any row; those that touch at a corner are two."""
        one = marks((20, 50, 80, 60), (80, 59, 140, 69))
        two = marks((20, 50, 80, 60), (80, 60, 140, 70))

        assert [len(places(one)), len(places(two))] == [1, 2]

    def test_a_mark_of_two_arms_is_one(self) -> None:
        """Runs of a row that meet further down belong together."""
        assert len(places(marks((20, 20, 30, 60), (50, 20, 60, 60), (20, 60, 60, 70)))) == 1

    def test_marks_at_both_ends_of_rows_are_two(self) -> None:
        """A row does not go on in the next one."""
        assert len(places(marks((0, 50, 60, 60), (240, 50, 300, 60)))) == 2

    def test_a_high_mark_is_turned(self) -> None:
        """A line that reads up or down; one that is as high as wide is taken for upright."""
        (high,) = places(marks((100, 50, 110, 110)))
        (square,) = places(marks((100, 50, 120, 72)))

        assert (high.slant_degrees, square.slant_degrees) == (90, 0)
        assert high.length > 2 * high.height

    @pytest.mark.parametrize("degrees", [-30, -12, 12, 30])
    def test_a_line_that_leans_is_seen_to_lean(self, degrees: int) -> None:
        """Clockwise, from left-to-right to where it goes."""
        flat = Image.new("L", (300, 200))
        ImageDraw.Draw(flat).rectangle((80, 92, 220, 107), fill=200)
        (place,) = places(np.asarray(flat.rotate(-degrees)))

        assert place.slant_degrees == pytest.approx(degrees % 360, abs=1)
        assert (place.x, place.y) == pytest.approx((150, 100), abs=1)
        assert place.length / place.height == pytest.approx((141 + 20) / (16 + 20), rel=0.1)

    def test_two_lines_in_one_mark_do_not_lean(self) -> None:
        """The second one is shorter: the mark is longer along a slant, but no line."""
        (place,) = places(marks((100, 50, 170, 62), (100, 62, 130, 74)))

        assert place.slant_degrees == 0


class TestReadingDirection:
    """Which ways a line may read."""

    @pytest.mark.parametrize(
        ("slant", "expected"),
        [(0, [0]), (12, [12]), (348, [348]), (90, [90, 270]), (60, [60, 240]), (120, [120, 300])],
    )
    def test_a_steep_line_reads_from_either_end(self, slant: float, expected: list[float]) -> None:
        """The others read from the left."""
        assert [way.slant_degrees for way in ways(Place(50, 50, 60, 10, slant))] == expected

    @pytest.mark.parametrize(
        ("slant", "turn"), [(0, 0), (12, 0), (348, 0), (60, 90), (90, 90), (268, 270)]
    )
    def test_the_nearest_right_angle_is_told(self, slant: float, turn: int) -> None:
        """Labels are put together by it."""
        place = Place(50, 50, 60, 10, slant)

        assert (place.turn_degrees, place.straight().slant_degrees) == (turn, turn)


class TestCuttingOut:
    """A line as it reads."""

    @pytest.mark.parametrize("turn", [0, 90, 180, 270])
    def test_a_turned_line_is_turned_back(self, turn: int) -> None:
        """Dark where it begins: the first tenth of the line."""
        upright = Image.fromarray(page((100, 90, 110, 110)))
        shown = np.asarray(upright.rotate(-turn, center=(150, 100)))

        line = cut_out(shown, Place(150, 100, 100, 20, turn))

        assert line.shape == (20, 100, 3)
        assert line[:, :9].max() < 128 < line[:, 12:].min()

    def test_a_line_that_leans_is_made_upright(self) -> None:
        """Its letters stand on a level."""
        shown = Image.fromarray(page((100, 90, 200, 110))).rotate(
            -12, Image.Resampling.BILINEAR, fillcolor=(255, 255, 255)
        )

        line = cut_out(np.asarray(shown), Place(150, 100, 120, 40, 12))

        ink = (line[..., 1] < 128).sum(axis=1)
        assert line.shape == (40, 120, 3)
        assert ink[12:28].min() > 90
        assert ink[:9].max() == ink[31:].max() == 0

    def test_a_line_at_the_edge_is_cut_off(self) -> None:
        """What lies beyond the page is not there."""
        assert cut_out(page(), Place(2, 100, 40, 20)).shape == (20, 22, 3)


class TestHeights:
    """How high letters are, and what is two lines."""

    # Letters from 60 to 72 and from 80 to 96, with dots above the second line.
    TWO = page((100, 60, 160, 72), (120, 76, 124, 78), (100, 80, 170, 96))

    def test_two_lines_are_parted_between_them(self) -> None:
        """The dots stay with the letters below."""
        upper, lower = halves(self.TWO, Place(135, 78, 80, 40))

        assert 72 <= upper.y + upper.height / 2 < 76
        assert 71 < lower.y - lower.height / 2 <= 76

    @pytest.mark.parametrize("place", [Place(135, 78, 400, 40), Place(135, 78, 20, 12)])
    def test_a_long_or_low_line_is_one(self, place: Place) -> None:
        """Two lines are not as long for their height, or cannot be read."""
        assert halves(self.TWO, place) == []

    def test_the_height_is_that_of_the_letters(self) -> None:
        """Neither dots nor the line above count."""
        place = fit(self.TWO, Place(135, 87, 80, 34))

        assert (place.y - place.height / 2, place.y + place.height / 2) == pytest.approx((80, 96))

    def test_a_snug_line_has_a_narrow_margin(self) -> None:
        """Of a fifth of the letters' height, above and below, and as much less at its ends."""
        place = snug(self.TWO, Place(135, 87, 80, 34))

        assert place.height == pytest.approx(1.4 * 16)
        assert place.length == pytest.approx(80 - 34 + 1.4 * 16)

    def test_what_fills_its_place_stays(self) -> None:
        """A wall through the line leaves no bare row."""
        place = Place(135, 78, 40, 40)

        assert fit(page((0, 0, 300, 200)), place) == place
