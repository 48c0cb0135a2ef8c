# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lines that are fitted to measurements, and that the page shows those of the committed ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks.growth import COPIES_A_SIDE, TITLES, Fit, draw, with_growth
from reporting.marks import names
from roomdet.schema import Detail
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "benchmarks.md"
RESULTS = ROOT / "benchmarks" / "results" / "growth.json"
SIZES = (1, 2, 5, 10, 30)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5, 2.0])
def test_a_power_is_found(exponent: float) -> None:
    """With what is there at any size, which a slope of logarithms would take for slow growth."""
    fit = Fit.of(SIZES, [40 + 3 * size**exponent for size in SIZES])

    assert exponent == pytest.approx(fit.exponent)
    assert (40, 3) == pytest.approx((fit.offset, fit.factor))
    assert 0 == pytest.approx(fit.error, abs=1e-6)


def test_what_hardly_varies_does_not_grow() -> None:
    """Or noise would have an exponent."""
    fit = Fit.of(SIZES, [100, 96, 104, 99, 103])

    assert (0, 0) == (fit.factor, fit.exponent)
    assert 100 == pytest.approx(fit.offset, rel=0.02)


def test_a_line_is_taken_where_measurements_cannot_tell() -> None:
    """Noise alone would bend it."""
    noise = (1.0, 0.99, 1.01, 1.0, 1.015)
    line = Fit.of(SIZES, [10 * size * part for size, part in zip(SIZES, noise, strict=True)])

    assert 1 == line.exponent
    assert 10 == pytest.approx(line.factor, rel=0.02)


def test_what_falls_has_no_negative_part() -> None:
    """A line below nothing at some size says nothing."""
    fit = Fit.of(SIZES, [100, 80, 60, 40, 20])

    assert fit.offset >= 0
    assert fit.factor >= 0


def test_two_points_have_no_exponent() -> None:
    """Any curve of the form meets them."""
    with pytest.raises(ValueError, match="three points"):
        Fit.of([1, 2], [1, 2])


def test_what_is_measured_has_sizes_that_rise(tmp_path: Path) -> None:
    """Each kind has its title, and only rooms are counted afterwards."""
    sizes: dict[str, list[float | None]] = {}
    for kind, size, path, detail in draw(tmp_path, largest_px=1300):
        sizes.setdefault(kind, []).append(size)
        assert path.stat().st_size > 0
        assert (detail is Detail.SHEET) == (kind in {"tiles", "rooms"})

    assert set(TITLES) == {*sizes, "clients"}
    assert [None] * len(COPIES_A_SIDE) == sizes.pop("rooms")
    for of_kind in sizes.values():
        known = [size for size in of_kind if size is not None]
        assert known == sorted(set(known))


def test_the_page_shows_the_committed_lines() -> None:
    """Nobody wrote them by hand."""
    text = PAGE.read_text("utf-8")

    assert {"lines"} == names(text, "growth")
    assert with_growth(text, json.loads(RESULTS.read_text("utf-8"))) == text


@pytest.mark.parametrize("key", ["processor_ms", "peak_mb"])
def test_nothing_grows_faster_than_what_it_grows_with(key: str) -> None:
    """By the committed measurements."""
    points = json.loads(RESULTS.read_text("utf-8"))["points"]

    assert set(TITLES) == set(points)
    for told in points.values():
        fit = Fit.of([point["size"] for point in told], [point[key] for point in told])
        assert fit.exponent <= 1
