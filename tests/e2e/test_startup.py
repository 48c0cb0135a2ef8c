# SPDX-License-Identifier: AGPL-3.0-or-later
"""The program that measures starts, on a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.startup.one import ANSWER, STAGES, measure_here

if TYPE_CHECKING:
    from pathlib import Path

TICK_MS = 10  # of the times at which processes begin


def test_a_start_is_told_stage_by_stage(archive: Path) -> None:
    """Every stage has its end, in this order, and together they are the whole."""
    found = measure_here(archive, runs=1)

    for measured in (found["warm"], found["cold"]):
        stages = measured["stages_ms"]
        in_container_only = {"container engine"}
        assert {name for name, *_ in STAGES} - in_container_only <= set(stages)
        assert all(ms >= -TICK_MS for ms in stages.values()), stages
        assert abs(sum(stages.values()) - measured["until_ms"][ANSWER]) <= len(stages)
        assert measured["answers_ms"] == [measured["until_ms"][ANSWER]]
        assert {"JVM", "worker"} <= set(measured["used"])
        assert all(used["processor_ms"] > 0 for used in measured["used"].values())
