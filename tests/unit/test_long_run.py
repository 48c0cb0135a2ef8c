# SPDX-License-Identifier: AGPL-3.0-or-later
"""The line through what a server holds, and the verdict on it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.torture.long import BOUNDS, JVM_MB, LATENCY_S, WORKER_MB, complaints, fit

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
    slope = fit(looks(kb_per_request), TOTAL)

    assert slope.per_1000 == pytest.approx(kb_per_request, abs=2)
    assert slope.grew == pytest.approx(0.75 * kb_per_request, abs=1.5)


def test_the_error_is_what_chance_makes_of_a_slope() -> None:
    """Of lines through points that lie off by chance, 19 of 20 are right within two errors."""
    chance, right = random.Random(22), 0  # noqa: S311  # nothing secret
    for _ in range(200):
        points = [
            (answered, answered / 100 + chance.gauss(0, 3)) for answered in range(0, 1000, 25)
        ]
        slope = fit(points, TOTAL)
        right += abs(slope.grew - 7.5) < 2 * slope.error

    assert 176 <= right < 200


def test_one_step_is_no_growth() -> None:
    """A pool that grows once, by 16 MB, is not taken for a leak."""
    assert fit(looks(0.0, step_mb=16.0), TOTAL).per_1000 < 3


def test_too_few_looks_are_refused() -> None:
    """Two points always lie on a line."""
    with pytest.raises(ValueError, match="too few"):
        fit([(800, 200.0), (900, 201.0)], TOTAL)


def grew(by: float, error: float = 0.5) -> dict[str, float]:
    """A slope that matters."""
    return {"start": 1.0, "grew": by, "error": error}


GOOD: dict[str, Any] = {
    "wrong_answers": {},
    "is_same_worker": True,
    "slopes": {WORKER_MB: grew(1), JVM_MB: grew(-3), LATENCY_S: grew(0.1, 0.01)},
}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({}, ""),
        ({"slopes": {WORKER_MB: grew(10.1)}}, "worker, MB: grew by 10.1 ± 0.5; 10 are allowed"),
        ({"slopes": {JVM_MB: grew(11)}}, "JVM, MB: grew by 11"),
        ({"slopes": {JVM_MB: grew(11, error=6)}}, ""),
        ({"slopes": {LATENCY_S: grew(0.3, 0.1)}}, "latency, s: grew by 0.3 ± 0.1; 0.25 are"),
        ({"is_same_worker": False}, "another one was started"),
        ({"slopes": {"worker, descriptors": grew(100)}}, "worker, descriptors: grew by 100"),
        ({"wrong_answers": {"PNG L: 500 instead of 200": 3}}, "PNG L: 500 instead of 200 (3x)"),
    ],
    ids=["good", "worker", "jvm", "chance", "latency", "died", "files", "answers"],
)
def test_the_verdict(change: dict[str, Any], complaint: str) -> None:
    """Each way to fail is told, and nothing else."""
    found = complaints(GOOD | change, BOUNDS)

    assert len(found) == bool(complaint)
    assert complaint in "".join(found)


def test_a_loaded_machine_is_not_blamed_on_the_server() -> None:
    """Its latency says little; the processor's time of a request is judged."""
    report = GOOD | {"slopes": {LATENCY_S: grew(0.3, 0.1)}}

    assert not complaints(report, BOUNDS, is_loaded=True)
