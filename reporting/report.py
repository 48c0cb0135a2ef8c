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
from itertools import pairwise
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
    """A head and one row for clean and each kind of corrupted pages: AP50 and F1 of each set."""
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
            measured = subset["clean"] if row[0] == "clean" else subset["corrupted"][row[0]]
            row += [f"{measured[key]:.3f}" for key in ("ap50", "ap50_95", "f1")]
    return rows


def sheet_rows(report: Report) -> Rows:
    """A head and one row for each set of sheets: recall by size of room, seconds and memory.

    Some sheets must have been measured.
    """
    sheets = _sheets(report)
    sizes = [step["from_percent"] for step in next(iter(sheets.values()))["recall_by_size"]]
    between = [f"{low}–{high} %" for low, high in pairwise(sizes[1:])]
    steps = [f"R < {sizes[1]} %", *between, f"≥ {sizes[-1]} %"]
    rows = [["sheets", "rooms a sheet", *steps, "s, median", "s, p95", "MB over idle"]]
    for name, measured in sheets.items():
        recalls = [
            f"{step['recall']:.3f} ({step['rooms']:,})" if step["rooms"] else "–"
            for step in measured["recall_by_size"]
        ]
        seconds = [f"{measured['seconds'][key]:.2f}" for key in ("median", "p95")]
        memory = str(measured.get("peak_over_idle_mb", "–"))
        per_sheet = f"{measured['rooms'] / measured['pictures']:.0f}"
        rows.append([name, per_sheet, *recalls, *seconds, memory])
    return rows


def sheet_caption(report: Report) -> str:
    """How sheets are judged and measured."""
    settings, near = report["settings"], report["settings"]["near_labels"]
    in_part = [
        name for name, measured in _sheets(report).items() if measured["kind"] == "partial-sheets"
    ]
    strip_x, strip_y = near["title_strip_xy"]
    rule = (
        f" Only a part of {' and '.join(in_part)} is labeled: there a found room counts if its "
        "center lies in the box of a labeled room, enlarged on each side by "
        f"{near['margin'] * 100:.0f} % of its width and height, or in the title strip "
        f"(x > {strip_x} or y > {strip_y} of the page)."
    )
    return wrapped(
        f"Sheets, one request at a time, at most {settings['sheet_max_rooms']} rooms each: R at "
        f"confidence ≥ {settings['threshold']} of rooms by their side (the root of the area, in "
        "percent of the page's longer side; in parentheses how many), seconds as the client waits, "
        "and the peak memory of a server for each set, all processes, over that before its first "
        "request." + (rule if in_part else "")
    )


def sheets_block(report: Report) -> str:
    """Both for a document; a sentence where no sheets were measured."""
    if not _sheets(report):
        return "No sheets were measured."
    return f"{as_markdown(sheet_rows(report))}\n\n{sheet_caption(report)}"


def caption(report: Report) -> str:
    """How and on what the figures were measured, in lines of at most 100 characters."""
    settings, machine = report["settings"], report["machine"]
    model = report["model"]
    packages = machine["packages"]
    rooms = f"{settings['max_rooms']} rooms"
    if _sheets(report):
        rooms += f", {settings['sheet_max_rooms']} on sheets"
    which = (
        f"checkpoint {model['checkpoint_sha256'][:12]}"
        if "checkpoint_sha256" in model
        else f"server {model['url']}"
    )
    text = (
        f"COCO AP of what the server answers (confidence ≥ {settings['confidence']}, suppression "
        f"IoU {settings['iou']}, at most {rooms}), P, R and F1 at confidence "
        f"≥ {settings['threshold']} and IoU ≥ {settings['match_iou']}; {which}, OpenVINO "
        f"{packages['openvino']}, {machine['cpu']}, {machine['date']}."
    )
    return wrapped(text)


def as_text(report: Report) -> str:
    """The tables for a terminal."""
    tables = [accuracy_rows(report)]
    if report["corruptions"]:
        tables.append(corruption_rows(report))
    texts = [caption(report)]
    if _sheets(report):
        tables.append(sheet_rows(report))
        texts.append(sheet_caption(report))
    return "\n\n".join([*(as_text_table(rows) for rows in tables), *texts])


BLOCKS: dict[str, Callable[[Report], str]] = {
    "accuracy": lambda report: as_markdown(accuracy_rows(report)),
    "corruptions": lambda report: as_markdown(corruption_rows(report)),
    "caption": caption,
    "sheets": sheets_block,
}


def with_figures(document: str, report: Report) -> str:
    """A document with each block of figures written anew.

    Raises:
        KeyError: If a block has a name that is not in :data:`BLOCKS`.
    """
    return marks.fill(document, {name: partial(build, report) for name, build in BLOCKS.items()})


def _sheets(report: Report) -> dict[str, Any]:
    """The sets of sheets; metrics from before there were any name no kind."""
    return {
        name: measured for name, measured in report["sets"].items() if "recall_by_size" in measured
    }


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
