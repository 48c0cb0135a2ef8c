# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tables of what :mod:`benchmarks.sizes` measured, in a document.

``python -m benchmarks.sizes.report benchmarks/results/sizes.json DOCUMENT`` rewrites the blocks of
figures ``sizes`` and ``sizes-caption``.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from reporting import marks
from reporting.tables import as_markdown, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Report: TypeAlias = dict[str, Any]
Rows: TypeAlias = list[list[str]]
METRICS = {"ap50": "AP50", "ap50_95": "AP50-95"}


def size_rows(report: Report) -> Rows:
    """A head and a row for each network and size: milliseconds, and AP on each set."""
    places = [(name, key) for name in report["pictures"] for key in METRICS]
    titles = [f"{name} {METRICS[key]}" for name, key in places]
    rows = [["network", "px", "ms", "of it reading", *titles]]
    for row in report["figures"]:
        latency_ms = row["latency_ms"]
        rows.append(
            [
                row["network"],
                str(row["side_px"]),
                f"{latency_ms['both']:.1f}",
                f"{latency_ms['read']:.1f}",
                *(f"{row['sets'][name][key]:.3f}" for name, key in places),
            ]
        )
    return rows


def caption(report: Report) -> str:
    """How and on what the figures were measured, in lines of at most 100 characters."""
    machine = report["machine"]
    networks = ", ".join(
        f"{label} {network['checkpoint_sha256'][:12]} ({network['stored']}, computed in "
        f"{network['computed']})"
        for label, network in report["networks"].items()
    )
    plans = " and ".join(f"{count} plans of {name}" for name, count in report["pictures"].items())
    text = (
        f"COCO AP on {plans}; milliseconds from the file to its rooms, medians of "
        f"{report['rounds']} rounds over up to {report['latency_pictures']} plans of each set, all "
        f"networks and sizes in turn. {networks}; OpenVINO {machine['packages']['openvino']}, "
        f"{machine['cores']} cores of {machine['cpu']}, {machine['date']}."
    )
    return wrapped(text)


BLOCKS: dict[str, Callable[[Report], str]] = {
    "sizes": lambda report: as_markdown(size_rows(report)),
    "sizes-caption": caption,
}


def with_figures(document: str, report: Report) -> str:
    """A document with each block of figures written anew.

    Raises:
        KeyError: If a block has a name that is not in :data:`BLOCKS`.
    """
    return marks.fill(document, {name: partial(build, report) for name, build in BLOCKS.items()})


def main(argv: Sequence[str] | None = None) -> int:
    """Rewrite the blocks of a document; 0 also where nothing changes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizes.report", description=__doc__)
    parser.add_argument("figures", type=Path, help="JSON of benchmarks.sizes")
    parser.add_argument("document", type=Path)
    args = parser.parse_args(argv)
    report = json.loads(args.figures.read_text("utf-8"))
    args.document.write_text(with_figures(args.document.read_text("utf-8"), report), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
