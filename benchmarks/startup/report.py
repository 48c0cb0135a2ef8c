# SPDX-License-Identifier: AGPL-3.0-or-later
"""The tables of docs/start-up.md, from what ``python -m benchmarks.startup`` measured.

``python -m benchmarks.startup.report benchmarks/startup/figures.json docs/start-up.md`` rewrites
the blocks between ``<!-- figures:NAME -->`` and ``<!-- /figures -->``; NAME is here, image or
machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from reporting.marks import fill
from reporting.tables import as_markdown

Report: TypeAlias = dict[str, Any]
_CACHES = ("warm", "cold")


def stages(reports: list[Report], place: str) -> str:
    """A row for each stage, in milliseconds, then for the whole and for each program's memory."""
    measured = [(report, cache) for cache in _CACHES for report in _of(reports, place)]
    columns = [report[cache] for report, cache in measured]
    rows = [["milliseconds", *(f"{report['name']}, {cache}" for report, cache in measured)]]
    for name in columns[0]["stages_ms"]:
        rows.append([name, *(str(column["stages_ms"].get(name, "")) for column in columns)])
    rows.append(["**start to first answer**", *map(_whole, columns)])
    for program in columns[0]["used"]:
        for key, unit in (("processor_ms", "processor time, ms"), ("resident_mb", "memory, MB")):
            figures = (str(column["used"][program][key]) for column in columns)
            rows.append([f"{program}: {unit}", *figures])
    return as_markdown(rows)


def machine(reports: list[Report]) -> str:
    """On what and from what it was measured."""
    described = reports[0]["machine"]
    commits = {report["name"]: report["commit"] for report in reports}
    named = ", ".join(f"{name} is {commit}" for name, commit in commits.items())
    return f"{described['cores']} cores of {described['cpu']}, {described['date']}; {named}."


def with_figures(document: str, reports: list[Report]) -> str:
    """A document with each block of figures written anew.

    Raises:
        KeyError: If a block has the name of a place that was not measured.
    """
    places = {report["place"] for report in reports}
    blocks = {place: partial(stages, reports, place) for place in places}
    return fill(document, {"machine": partial(machine, reports), **blocks})


def _of(reports: list[Report], place: str) -> list[Report]:
    return [report for report in reports if report["place"] == place]


def _whole(column: Report) -> str:
    """The median and, in brackets, the least and the most."""
    answers = column["answers_ms"]
    return f"**{column['until_ms']['first answer']}** ({min(answers)}–{max(answers)})"


def main(argv: list[str] | None = None) -> int:
    """Rewrite the blocks of a document; 0 also where nothing changes."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.startup.report", description=__doc__
    )
    parser.add_argument("figures", type=Path, help="JSON of benchmarks.startup")
    parser.add_argument("document", type=Path)
    args = parser.parse_args(argv)
    reports = json.loads(args.figures.read_text("utf-8"))
    args.document.write_text(with_figures(args.document.read_text("utf-8"), reports), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
