# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tables of what :mod:`benchmarks.ablation` measured, in a document.

``python -m benchmarks.ablation.report`` rewrites the blocks of docs/ablation.md from the JSON files
in ``benchmarks/results/ablation``, one a variant; other places can be named.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.ablation.variants import AGAIN, EVERYTHING, VARIANTS
from reporting import marks
from reporting.tables import as_markdown, wrapped
from training.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.ablation.variants import Variant

Report: TypeAlias = dict[str, Any]
Rows: TypeAlias = list[list[str]]
RESULTS, DOCUMENT = Path("benchmarks/results/ablation"), Path("docs/ablation.md")
NOT_YET = "Not measured yet."
_KEYS = {"ap50": "AP50", "ap50_95": "AP50-95"}
_SAME = ("training_pictures", "epochs", "steps")


def read_reports(folder: Path) -> dict[str, Report]:
    """Reports by variant, in the order of :data:`VARIANTS`; none before the first measurement.

    Raises:
        DataError: If they cannot be compared: with other settings, or not trained on as much, or
            without the variant that leaves out nothing.
    """
    paths = {variant.name: folder / f"{variant.name}.json" for variant in VARIANTS}
    reports = {
        name: json.loads(path.read_text("utf-8")) for name, path in paths.items() if path.exists()
    }
    if not reports:
        return {}
    if EVERYTHING not in reports:
        raise DataError(f"{folder} has no {EVERYTHING}.json to compare the others with")
    first = reports[EVERYTHING]
    for name, report in reports.items():
        trained = {key: (first["training"][key], report["training"][key]) for key in _SAME}
        pairs = trained | {"settings": (first["settings"], report["settings"])}
        for key, (expected, found) in pairs.items():
            if expected != found:
                raise DataError(f"{name} has {key} {found}, {EVERYTHING} has {expected}")
    return reports


def clean_rows(reports: dict[str, Report]) -> Rows:
    """A head, what all ingredients reach, and what is lost without each; most telling first."""
    sets = list(reports[EVERYTHING]["sets"])
    places = [(name, "clean", key) for name in sets for key in _KEYS]
    head = ["left out", *(f"{name} {title}" for name in sets for title in _KEYS.values())]
    changes = {
        variant: [_change(reports, variant.name, place) for place in places]
        for variant in _others(reports)
    }
    rows = [
        [variant.title, *(_told(reports, variant.name, place) for place in places)]
        for variant in sorted(changes, key=lambda variant: statistics.mean(changes[variant]))
    ]
    return [head, ["nothing", *(_basis(reports, place) for place in places)], *rows]


def spoilt_rows(reports: dict[str, Report]) -> Rows:
    """A head and, for pages spoilt in each way, AP50 with and without having seen the like."""
    sets = list(reports[EVERYTHING]["sets"])
    rows = [
        ["pages", "left out", *(f"{name}: {how}" for name in sets for how in ("with", "without"))]
    ]
    for variant in _others(reports):
        for spoilt in variant.spoilt:
            row = [spoilt, variant.title]
            for name in sets:
                place = (name, "spoilt", spoilt, "ap50")
                row += [_basis(reports, place), _told(reports, variant.name, place)]
            rows.append(row)
    return rows


def caption(reports: dict[str, Report]) -> str:
    """How the figures came about, in lines of at most 100 characters."""
    first = reports[EVERYTHING]
    settings, training, machine = first["settings"], first["training"], first["machine"]
    pages = ", ".join(
        f"{plans['pictures']} plans of {name} ({plans['spoilt_pictures']} spoilt)"
        for name, plans in first["sets"].items()
    )
    runs = "mean of two runs ± half of what they differ by" if AGAIN in reports else "one run"
    text = (
        f"YOLOv8n from scratch on {settings['count']:,} blueprints, {settings['epochs']} epochs, "
        f"{training['steps']:,} steps of {settings['batch']} pictures of {settings['px']} px, "
        f"{'with' if settings['measured_layouts'] else 'without'} measured layouts; judged on "
        f"{pages}. Nothing left out: {runs}; in brackets: the difference from it. "
        f"{machine['cpu']}, {machine['date']}."
    )
    return wrapped(text)


BLOCKS: dict[str, Callable[[dict[str, Report]], str]] = {
    "ablation": lambda reports: as_markdown(clean_rows(reports)),
    "ablation-spoilt": lambda reports: as_markdown(spoilt_rows(reports)),
    "ablation-caption": caption,
}


def with_figures(document: str, reports: dict[str, Report]) -> str:
    """A document with each block of figures written anew.

    Raises:
        KeyError: If a block has a name that is not in :data:`BLOCKS`.
    """
    blocks = {
        name: partial(build, reports) if reports else lambda: NOT_YET
        for name, build in BLOCKS.items()
    }
    return marks.fill(document, blocks)


def _others(reports: dict[str, Report]) -> list[Variant]:
    measured = [variant for variant in VARIANTS if variant.name in reports]
    return [variant for variant in measured if variant.name not in (EVERYTHING, AGAIN)]


def _value(report: Report, place: Sequence[str]) -> float:
    found: Any = report["sets"]
    for key in place:
        found = found[key]
    return float(found)


def _runs(reports: dict[str, Report], place: Sequence[str]) -> list[float]:
    """The figure with nothing left out, of each run."""
    return [_value(reports[name], place) for name in (EVERYTHING, AGAIN) if name in reports]


def _change(reports: dict[str, Report], name: str, place: Sequence[str]) -> float:
    return _value(reports[name], place) - statistics.mean(_runs(reports, place))


def _basis(reports: dict[str, Report], place: Sequence[str]) -> str:
    runs = _runs(reports, place)
    spread = f" ± {(max(runs) - min(runs)) / 2:.3f}" if len(runs) > 1 else ""
    return f"{statistics.mean(runs):.3f}{spread}"


def _told(reports: dict[str, Report], name: str, place: Sequence[str]) -> str:
    change = f"{_change(reports, name, place):+z.3f}".replace("-", "−")
    return f"{_value(reports[name], place):.3f} ({change})"


def main(argv: Sequence[str] | None = None) -> int:
    """Rewrite the blocks of the document; 0 also where nothing changes, 1 if it cannot be done."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ablation.report", description=__doc__
    )
    parser.add_argument("results", type=Path, nargs="?", default=RESULTS)
    parser.add_argument("document", type=Path, nargs="?", default=DOCUMENT)
    args = parser.parse_args(argv)
    try:
        reports = read_reports(args.results)
    except DataError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    args.document.write_text(with_figures(args.document.read_text("utf-8"), reports), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
