# SPDX-License-Identifier: AGPL-3.0-or-later
"""Curves of ``benchmarks/results/tiers.json``: pictures per second and p50 over clients at once.

``.venv-train/bin/python -m benchmarks.tiers_plot`` writes docs/tiers.svg (matplotlib comes with
`make venv-train`). The file names the digest of what it shows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULT, PICTURE = Path("benchmarks/results/tiers.json"), Path("docs/tiers.svg")
_PANELS = (("per_s", "pictures per second"), ("p50_ms", "p50 in ms"))


def draw(result: Path, picture: Path) -> None:
    """Draw one line for each share of workers and threads, at the largest memory measured."""
    content = result.read_bytes()
    rows = [row for row in json.loads(content)["tiers"] if "load" in row]
    largest_mb = max(row["memory_mb"] for row in rows)
    rows = [row for row in rows if row["memory_mb"] == largest_mb]
    with mpl.rc_context({"svg.hashsalt": "tiers", "font.size": 9}):
        figure, panels = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
        for panel, (field, title) in zip(panels, _PANELS, strict=True):
            _draw_panel(panel, rows, field)
            panel.set(xlabel="clients at once", ylabel=title, ylim=(0, None))
        panels[0].legend(title=f"{largest_mb} MiB", fontsize=8)
        digest = hashlib.sha256(content).hexdigest()
        figure.savefig(picture, metadata={"Date": None, "Description": f"sha256 {digest}"})
        plt.close(figure)


def _draw_panel(panel: Any, rows: Sequence[dict[str, Any]], field: str) -> None:
    for row in rows:
        cpus = f"{row['cpus']} CPU{'s' * (row['cpus'] > 1)}"
        panel.plot(
            [load["concurrency"] for load in row["load"]],
            [load[field] for load in row["load"]],
            marker="o",
            label=f"{cpus}: {row['workers']} workers × {row['threads']} threads",
        )


def main(argv: list[str] | None = None) -> int:
    """Draw; 0 when the picture is written."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tiers_plot", description=__doc__)
    parser.add_argument("--result", type=Path, default=RESULT)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    args = parser.parse_args(argv)
    draw(args.result, args.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
