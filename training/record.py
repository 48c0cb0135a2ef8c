# SPDX-License-Identifier: AGPL-3.0-or-later
"""What ``run.json`` tells of a run's data and machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plans.plan_sets import parse_source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from plans.plan_sets import PlanSet


def data_record(data: PlanSet, sources: Sequence[str]) -> list[dict[str, Any]]:
    """Weight and counts of each folder that was given."""
    record = []
    for source in sources:
        folder, weight = parse_source(source)
        samples = [sample for sample in data.samples if sample.source_set == str(folder)]
        record.append(
            {
                "folder": str(folder),
                "weight": weight,
                "pictures": len(samples),
                "plans": len({sample.plan for sample in samples}),
                "rooms": sum(len(sample.boxes_xywhn) for sample in samples),
            }
        )
    return record


def write_atomically(path: Path, text: str) -> None:
    """Write a text file, all or nothing."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
