# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tables about memory and sizes in the documents, from what was measured.

``python -m benchmarks.memory_report`` rewrites the blocks of figures in docs/memory.md and
docs/operations.md from ``benchmarks/results``.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from reporting.marks import fill
from reporting.tables import as_markdown, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Report: TypeAlias = dict[str, Any]
Rows: TypeAlias = list[list[str]]
RESULTS = Path("benchmarks/results")
DOCUMENTS = (Path("docs/memory.md"), Path("docs/operations.md"))
_LEAST_MB = 1.0  # smaller areas share a row
_MIB_PER_GIB = 1024


def process_rows(before: Report, now: Report) -> Rows:
    """Each process, and all together: resident while idle, after plans, and the peak."""
    head = ["process"]
    for when in ("before", "now"):
        head += [f"{when}: idle", "after 200 plans", "peak with A1 sheets"]
    roles = list(now["processes"]["idle"])
    rows = [[role] for role in [*roles, "together"]]
    for report in (before, now):
        found = report["processes"]
        columns = [
            [found[moment][role][field] for role in roles]
            for moment, field in (
                ("idle", "rss"),
                ("after plans", "rss"),
                ("after sheets", "peak"),
            )
        ]
        for column in columns:
            for row, value in zip(rows, [*column, sum(column)], strict=True):
                row.append(_mb(value))
    return [head, *rows]


def area_rows(before: Report, now: Report) -> Rows:
    """The JVM's resident memory by area."""
    columns = [
        report["jvm"]["resident_mb"][moment]
        for report in (before, now)
        for moment in ("idle", "after plans")
    ]
    head = ["area of the JVM", "before: idle", "after 200 plans", "now: idle", "after 200 plans"]
    return [head, *_by_name(columns)]


def file_rows(before: Report, now: Report) -> Rows:
    """The worker's resident memory by what stands behind it."""
    columns = [report["worker"]["files_mb"]["idle"] for report in (before, now)]
    return [["worker, idle", "before", "now"], *_by_name(columns)]


def stage_rows(before: Report, now: Report) -> Rows:
    """What each stage of a worker's life adds, and the sum until then."""
    head = ["stage", "before: adds", "sum", "now: adds", "sum"]
    columns = [_steps(report["worker"]["stages"]) for report in (before, now)]
    return [
        head,
        *(
            [name, *(cell for column in columns for cell in column.get(name, ("", "")))]
            for name in _in_order(columns)
        ),
    ]


def soak_rows(soak: Report) -> Rows:
    """Worker and JVM after the warm-up and at the end; no rows where the worker ended."""
    head = ["process", "after the warm-up", "at the end", "growth", "growth per 1,000 requests"]
    rows = [
        [
            name.partition(",")[0],
            f"{slope['start']:.0f} MB",
            f"{slope['end']:.0f} MB",
            f"{slope['grew']:+.1f} ± {slope['error']:.1f} MB",
            f"{slope['per_1000']:+.2f} MB",
        ]
        for name, slope in soak["slopes"].items()
        if name.endswith("MB")
    ]
    return [head, *rows]


def soak_caption(soak: Report) -> str:
    """What was sent, and how it went."""
    mistakes = sum(n for kind, n in soak["kinds"].items() if kind.startswith("mistake"))
    sheets = sum(n for kind, n in soak["kinds"].items() if kind.startswith("sheet"))
    wrong = sum(soak["wrong_answers"].values())
    end = "" if soak["is_same_worker"] else "**The worker ended for lack of memory.** "
    return _wrap(
        f"{soak['requests']:,} requests of {len(soak['kinds'])} kinds by {soak['concurrency']} "
        f"clients in {soak['seconds'] / 60:.1f} minutes, {mistakes:,} of them mistakes, {sheets} "
        f"A1 sheets; {wrong or 'no'} answers with a wrong status. {end}{_machine(soak)}"
    )


def tier_rows(tiers: Report) -> Rows:
    """Throughput, waiting time and memory of each container."""
    loads = next(row["load"] for row in tiers["tiers"] if "load" in row)
    clients = [load["concurrency"] for load in loads]
    head = ["container", "workers × threads"]
    head += [f"pictures/s, {count} at once" for count in clients]
    head += [f"p50, {count} at once" for count in clients]
    head += ["CPU per picture", "GiB·s per 1,000", "peak"]
    return [head, *(_tier_row(row, 2 * len(clients) + 3) for row in tiers["tiers"])]


def sheet_rows(tiers: Report) -> Rows:
    """Large sheets, one by one and five at once."""
    head = ["container", "sheet", "time", "over idle", "peak", "five at once", "peak"]
    rows = [head]
    for row in tiers["sheets"]:
        peak = row["one_by_one"]["processes_mb"]["together"]
        rows.append(
            [
                _container(row),
                row["sheet"],
                f"{row['median_ms']:,} ms",
                _mb(peak - row["idle_mb"]["together"]),
                _mb(peak),
                ", ".join(f"{n} × {status}" for status, n in row["at_once_statuses"].items()),
                _mb(row["at_once"]["processes_mb"]["together"]),
            ]
        )
    return rows


def tier_caption(tiers: Report) -> str:
    """The picture, the machine, and what was not measured."""
    width, height = tiers["picture_wh"]
    text = f"RGB PNG of {width} × {height} pixels, clients on the same machine. {_machine(tiers)}"
    if tiers["cpus_not_measured"]:
        counts = ", ".join(map(str, tiers["cpus_not_measured"]))
        text += f" It has no {counts} CPUs: not measured."
    return _wrap(text)


def blocks(results: Path) -> dict[str, Callable[[], str]]:
    """What writes each block, from a folder of results."""

    def table(rows: Callable[..., Rows], *names: str) -> str:
        return as_markdown(rows(*(_read(results, name) for name in names)))

    compared = ("footprint-before", "footprint")
    return {
        "processes": partial(table, process_rows, *compared),
        "jvm": partial(table, area_rows, *compared),
        "files": partial(table, file_rows, *compared),
        "stages": partial(table, stage_rows, *compared),
        "footprint-caption": lambda: _wrap(
            "MB (10^6 bytes). Before: commit {}, {} Now: {}".format(
                _read(results, compared[0])["commit"],
                *(_machine(_read(results, name)) for name in compared),
            )
        ),
        "soak": partial(table, soak_rows, "soak"),
        "soak-caption": lambda: soak_caption(_read(results, "soak")),
        "tiers": partial(table, tier_rows, "tiers"),
        "sheets": partial(table, sheet_rows, "tiers"),
        "tiers-caption": lambda: tier_caption(_read(results, "tiers")),
    }


def _tier_row(row: Report, columns: int) -> list[str]:
    start = [_container(row), f"{row['workers']} × {row['threads']}"]
    if "refused" in row:
        return [*start, "does not start", *[""] * (columns - 1)]
    loads = row["load"]
    gib_s = row["memory_mb"] / _MIB_PER_GIB * loads[0]["p50_ms"]
    return [
        *start,
        *(f"{load['per_s']:.1f}" + _refusals(load) for load in loads),
        *(f"{load['p50_ms']:.0f} ms" for load in loads),
        f"{loads[-1]['cpu_ms']:.0f} ms",
        f"{gib_s:.0f}",
        _mb(row["processes_mb"]["together"]),
    ]


def _refusals(load: Report) -> str:
    others = sum(n for status, n in load["statuses"].items() if status != "200")
    return f" ({others} refused)" if others else ""


def _container(row: Report) -> str:
    return f"{row['memory_mb']} MiB, {row['cpus']} CPU{'s' * (row['cpus'] > 1)}"


def _steps(stages: list[Report]) -> dict[str, tuple[str, str]]:
    steps: dict[str, tuple[str, str]] = {}
    added: dict[str, float] = {}
    last_mb = 0.0
    for stage in stages:
        name, held_mb = stage["stage"], stage["rss_mb"]
        added[name] = added.get(name, 0.0) + held_mb - last_mb  # a second network adds to the first
        steps[name] = f"{added[name]:+.0f}", _mb(held_mb)
        last_mb = held_mb
    return steps


def _by_name(columns: list[dict[str, float]]) -> Rows:
    rows = []
    rest = [0.0] * len(columns)
    for name in sorted(_in_order(columns), key=lambda name: -max(c.get(name, 0) for c in columns)):
        values = [column.get(name, 0.0) for column in columns]
        if max(values) < _LEAST_MB:
            rest = [total + value for total, value in zip(rest, values, strict=True)]
        else:
            rows.append([name, *map(_mb, values)])
    rows.append(["the rest", *map(_mb, rest)])
    rows.append(["together", *(_mb(sum(column.values())) for column in columns)])
    return rows


def _in_order(columns: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for column in columns for name in column))


def _read(results: Path, name: str) -> Report:
    report: Report = json.loads((results / f"{name}.json").read_text("utf-8"))
    return report


def _mb(value: float) -> str:
    return f"{value:,.0f}"


def _machine(report: Mapping[str, Any]) -> str:
    machine = report["machine"]
    return f"{machine['cores']} cores of {machine['cpu']}, {machine['date']}."


def _wrap(text: str) -> str:
    return wrapped(text)


def main(argv: list[str] | None = None) -> int:
    """Rewrite the blocks of the documents; 0 also where nothing changes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory_report", description=__doc__)
    parser.add_argument("documents", nargs="*", type=Path, default=DOCUMENTS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args(argv)
    for path in args.documents:
        path.write_text(fill(path.read_text("utf-8"), blocks(args.results)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
