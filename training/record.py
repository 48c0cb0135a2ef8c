# SPDX-License-Identifier: AGPL-3.0-or-later
"""What ``run.json`` tells of a run's data and machine."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.datasets import parse_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.datasets import PlanSet


def data_record(data: PlanSet, sources: Sequence[str]) -> list[dict[str, Any]]:
    """Weight and counts of each folder that was given."""
    record = []
    for source in sources:
        folder, weight = parse_source(source)
        entries = [entry for entry in data.entries if entry.source_set == str(folder)]
        record.append(
            {
                "folder": str(folder),
                "weight": weight,
                "pictures": len(entries),
                "plans": len({entry.plan for entry in entries}),
                "rooms": sum(len(entry.boxes_xywhn) for entry in entries),
            }
        )
    return record


def processor() -> str:
    """Name of the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def write_atomically(path: Path, text: str) -> None:
    """Write a text file, all or nothing."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
