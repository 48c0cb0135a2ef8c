# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tables of what :mod:`evaluation.evaluate` measured, for the terminal and the documents.

``python -m reporting.report weights/metrics.json README.md weights/MODEL_CARD.md`` rewrites the
blocks between ``<!-- figures:NAME -->`` and ``<!-- /figures -->``; NAME is a key of :data:`BLOCKS`.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from reporting import marks
from reporting.tables import as_markdown, as_text_table, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable

    from reporting.tables import Rows

FORMAT = 1
Report: TypeAlias = dict[str, Any]
_FIGURES = {
    "ap50": "AP50",
    "ap75": "AP75",
    "ap50_95": "AP50-95",
    "ar50_95": "AR50-95",
    "precision": "P",
    "recall": "R",
    "f1": "F1",
}


def accuracy_rows(report: Report) -> Rows:
    """A head and one row for each set: pictures, rooms and all figures on clean pictures."""
    threshold = report["settings"]["threshold"]
    head = [f"{title} at {threshold}" if title == "P" else title for title in _FIGURES.values()]
    rows = [["plans", "pictures", "rooms", *head]]
    for name, measured in report["sets"].items():
        values = [f"{measured['clean'][key]:.3f}" for key in _FIGURES]
        rows.append([name, f"{measured['pictures']:,}", f"{measured['rooms']:,}", *values])
    return rows


def corruption_rows(report: Report) -> Rows:
    """A head and one row for clean and each kind of spoilt pages: AP50 and F1 of each set."""
    subsets = {
        name: measured["subset"]
        for name, measured in report["sets"].items()
        if "subset" in measured
    }
    head = ["pages", "how"]
    for name, subset in subsets.items():
        head += [f"{name} ({subset['pictures']}) AP50", "AP50-95", "F1"]
    rows = [head, ["clean", "as they are"]]
    rows += [[name, strength] for name, strength in report["corruptions"].items()]
    for subset in subsets.values():
        for row in rows[1:]:
            measured = subset["clean"] if row[0] == "clean" else subset["spoilt"][row[0]]
            row += [f"{measured[key]:.3f}" for key in ("ap50", "ap50_95", "f1")]
    return rows


def caption(report: Report) -> str:
    """How and on what the figures were measured, in lines of at most 100 characters."""
    settings, machine = report["settings"], report["machine"]
    model = report["model"]
    packages = machine["packages"]
    which = (
        f"checkpoint {model['checkpoint_sha256'][:12]}"
        if "checkpoint_sha256" in model
        else f"server {model['url']}"
    )
    text = (
        f"COCO AP of what the server answers (confidence ≥ {settings['confidence']}, suppression "
        f"IoU {settings['iou']}, at most {settings['max_rooms']} rooms), P, R and F1 at confidence "
        f"≥ {settings['threshold']} and IoU ≥ {settings['match_iou']}; {which}, OpenVINO "
        f"{packages['openvino']}, {machine['cpu']}, {machine['date']}."
    )
    return wrapped(text)


def as_text(report: Report) -> str:
    """The tables for a terminal."""
    tables = [accuracy_rows(report)]
    if report["corruptions"]:
        tables.append(corruption_rows(report))
    return "\n\n".join([*(as_text_table(rows) for rows in tables), caption(report)])


BLOCKS: dict[str, Callable[[Report], str]] = {
    "accuracy": lambda report: as_markdown(accuracy_rows(report)),
    "corruptions": lambda report: as_markdown(corruption_rows(report)),
    "caption": caption,
}


def with_figures(document: str, report: Report) -> str:
    """A document with each block of figures written anew.

    Raises:
        KeyError: If a block has a name that is not in :data:`BLOCKS`.
    """
    return marks.fill(document, {name: partial(build, report) for name, build in BLOCKS.items()})


def main(argv: list[str] | None = None) -> int:
    """Rewrite the blocks of documents; 0 also where nothing changes."""
    parser = argparse.ArgumentParser(prog="python -m reporting.report", description=__doc__)
    parser.add_argument("metrics", type=Path, help="JSON of evaluation.evaluate")
    parser.add_argument("documents", type=Path, nargs="+")
    args = parser.parse_args(argv)
    report = json.loads(args.metrics.read_text("utf-8"))
    for path in args.documents:
        path.write_text(with_figures(path.read_text("utf-8"), report), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
