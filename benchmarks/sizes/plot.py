# SPDX-License-Identifier: AGPL-3.0-or-later
"""Curves of what :mod:`benchmarks.sizes` measured: average precision over latency.

``.venv-train/bin/python -m benchmarks.sizes.plot benchmarks/results/sizes.json docs/sizes.svg``
(matplotlib comes with `make venv-train`). The file names the digest of what it shows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

from benchmarks.sizes.report import METRICS

mpl.use("svg")
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Sequence

PANEL_WH_IN = (4.5, 3.0)


def draw(result: Path, picture: Path) -> None:
    """Draw a panel for each set and metric, with a line for each network over its sizes."""
    content = result.read_bytes()
    report = json.loads(content)
    sets = list(report["pictures"])
    size_wh_in = PANEL_WH_IN[0] * len(sets), PANEL_WH_IN[1] * len(METRICS)
    with mpl.rc_context({"svg.hashsalt": "sizes", "font.size": 9}):
        figure, panels = plt.subplots(
            len(METRICS), len(sets), figsize=size_wh_in, layout="constrained", squeeze=False,
            sharex=True, sharey="row",
        )  # fmt: skip
        for row, (key, title) in zip(panels, METRICS.items(), strict=True):
            for panel, name in zip(row, sets, strict=True):
                _draw_panel(panel, report, name, key)
                panel.set(title=name, ylabel=title, xlim=(0, None))
        for panel in panels[-1]:
            panel.set_xlabel("ms from the file to its rooms")
        panels[0, 0].legend(fontsize=8)
        digest = hashlib.sha256(content).hexdigest()
        figure.savefig(picture, metadata={"Date": None, "Description": f"sha256 {digest}"})
        plt.close(figure)


def _draw_panel(panel: Any, report: dict[str, Any], plan_set: str, key: str) -> None:
    for label in report["networks"]:
        rows = [row for row in report["figures"] if row["network"] == label]
        x = [row["latency_ms"]["both"] for row in rows]
        y = [row["sets"][plan_set][key] for row in rows]
        (line,) = panel.plot(x, y, marker="o", label=label)
        for row, place in zip(rows, zip(x, y, strict=True), strict=True):
            panel.annotate(
                str(row["side_px"]), place, xytext=(0, 5), textcoords="offset points",
                ha="center", fontsize=7, color=line.get_color(),
            )  # fmt: skip
    panel.grid(alpha=0.3)
    panel.margins(y=0.15)


def main(argv: Sequence[str] | None = None) -> int:
    """Draw; 0 when the picture is written."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizes.plot", description=__doc__)
    parser.add_argument("result", type=Path, help="JSON of benchmarks.sizes")
    parser.add_argument("picture", type=Path, help="SVG to write")
    args = parser.parse_args(argv)
    draw(args.result, args.picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
