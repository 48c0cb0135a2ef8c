# SPDX-License-Identifier: AGPL-3.0-or-later
"""The line through a server's memory, and the verdict on it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from benchmarks.soak import complaints, fit

TOTAL = 1000


def looks(kb_per_request: float, step_mb: float = 0.0) -> list[tuple[int, float]]:
    """Memory that swings upwards by up to 30 MB, grows, and makes one step early on."""
    chance = random.Random(20)  # noqa: S311  # nothing secret
    return [
        (
            answered,
            200
            + chance.choice([0, 0, chance.uniform(0, 30)])
            + (step_mb if answered > TOTAL * 0.35 else 0)
            + kb_per_request * answered / 1000,
        )
        for answered in range(0, TOTAL, 5)
    ]


@pytest.mark.parametrize("kb_per_request", [0.0, 10.0, 100.0])
def test_a_leak_is_measured_through_the_swings(kb_per_request: float) -> None:
    """Growth after the warm-up, a quarter of the requests."""
    growth = fit(looks(kb_per_request), TOTAL)

    assert growth.mb_per_1000 == pytest.approx(kb_per_request, abs=2)
    assert growth.grew_mb == pytest.approx(0.75 * kb_per_request, abs=1.5)


def test_one_step_is_no_growth() -> None:
    """A pool that grows once, by 16 MB, is not taken for a leak."""
    assert fit(looks(0.0, step_mb=16.0), TOTAL).mb_per_1000 < 3


def test_too_few_looks_are_refused() -> None:
    """Two points always lie on a line."""
    with pytest.raises(ValueError, match="too few"):
        fit([(800, 200.0), (900, 201.0)], TOTAL)


GOOD: dict[str, Any] = {
    "wrong_answers": {},
    "is_same_worker": True,
    "new_files": {"worker": 0, "jvm": 2},
    "worker": {"grew_mb": 1.0},
    "jvm": {"grew_mb": -3.0},
}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({}, ""),
        ({"worker": {"grew_mb": 10.1}}, "the worker grew by 10.1 MB; 10 MB are allowed"),
        ({"jvm": {"grew_mb": 11.0}}, "the jvm grew by 11.0 MB"),
        ({"is_same_worker": False}, "another one was started"),
        ({"new_files": {"worker": 100, "jvm": 0}}, "100 more files"),
        ({"wrong_answers": {"PNG L: 500 instead of 200": 3}}, "PNG L: 500 instead of 200 (3x)"),
    ],
    ids=["good", "worker", "jvm", "died", "files", "answers"],
)
def test_the_verdict(change: dict[str, Any], complaint: str) -> None:
    """Each way to fail is told, and nothing else."""
    found = complaints(GOOD | change, 10)

    assert len(found) == bool(complaint)
    assert complaint in "".join(found)
