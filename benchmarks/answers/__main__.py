# SPDX-License-Identifier: AGPL-3.0-or-later
"""Compare ways of answering with the same network, on plan sets and on large sheets.

``python -m benchmarks.answers r3d=plans:r3d- cubicasa=plans:cubicasa- --every 3 --sheets``

A variant is a way to show the page to the network and a way to merge what it finds. JSON goes to
standard output, a table to standard error. Milliseconds are those of reading the picture, of the
network and of the merge; every picture is answered by all variants in turn. Work is what the
network runs over, in canvases of the served size; unlike time, it does not depend on the machine.
Each set is told with its rooms a picture and the side of the median room as it is served: tiles are
for sheets with many small ones. ``--mosaic 2 3`` makes sheets of the sets' own plans.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.answers.canvas import Page
from benchmarks.answers.judging import Rooms, precision, read_plan_set, rooms_of
from benchmarks.answers.shapes import AnySizeNetwork
from benchmarks.answers.variants import (
    ONCE,
    Variant,
    all_looks,
    all_merges,
    all_variants,
    is_telling,
)
from evaluation.mosaics import KnownPlan, mosaics, own_sheets
from reporting import machine
from roomdet.config import Precision
from training.plan_sets import named_set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.answers.looks import Look
    from benchmarks.answers.merges import Merge
    from roomdet.geometry import Boxes, Detections, Pixels

SHEET_SIDES = (1, 2, 3, 4)


@dataclass(slots=True)
class Answers:
    """What one variant answered, picture by picture."""

    found: list[Detections] = field(default_factory=list)
    times_ms: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Passes:
    """Runs the network over the canvases of one page, over equal ones only once.

    Attributes:
        network: The network.
        spared_ms: What repeated passes would have taken.
        canvas_px: Pixels of all canvases, repeated ones too.
    """

    network: AnySizeNetwork
    spared_ms: float = 0.0
    canvas_px: int = 0
    _known: dict[tuple[tuple[int, ...], bytes], tuple[Boxes, float]] = field(default_factory=dict)

    def run(self, canvas: Pixels) -> Boxes:
        """Run the network; see :meth:`AnySizeNetwork.run`."""
        self.canvas_px += canvas.shape[0] * canvas.shape[1]
        key = canvas.shape, canvas.tobytes()
        if key in self._known:
            output, elapsed_ms = self._known[key]
            self.spared_ms += elapsed_ms
            return output
        started_s = time.perf_counter()
        output = self.network.run(canvas)
        self._known[key] = output, (time.perf_counter() - started_s) * 1000
        return output


@dataclass(frozen=True, slots=True)
class Bench:
    """The variants and what they are made of."""

    network: AnySizeNetwork
    looks: dict[str, Look]
    merges: dict[str, Merge]
    variants: list[Variant]

    def answer(self, plans: Sequence[KnownPlan]) -> dict[str, Answers]:
        """Let every variant answer every plan; variants share the passes of the same look."""
        sides_px = [max(plan.size_wh_px) for plan in plans]
        by_look: dict[str, list[Variant]] = defaultdict(list)
        for variant in self.variants:
            if is_telling(variant, sides_px, self.network.input_px):
                by_look[variant.look].append(variant)
        answers: dict[str, Answers] = defaultdict(Answers)
        for number, plan in enumerate(plans):
            print(f"{number} of {len(plans)} pictures", end="\r", file=sys.stderr)
            self._answer(plan, by_look, answers)
        return answers

    def _answer(
        self, plan: KnownPlan, by_look: dict[str, list[Variant]], answers: dict[str, Answers]
    ) -> None:
        page, passes = Page(plan.data, plan.size_wh_px), Passes(self.network)
        for look, variants in by_look.items():
            passes.spared_ms, passes.canvas_px = 0.0, 0
            sizes = self.network.sizes
            started_s = time.perf_counter()
            found = self.looks[look](page, passes.run)
            look_ms = (time.perf_counter() - started_s) * 1000 + passes.spared_ms
            is_warm = self.network.sizes == sizes  # otherwise the network was compiled meanwhile
            for variant in variants:
                started_s = time.perf_counter()
                merged = self.merges[variant.merge](found)
                merge_ms = (time.perf_counter() - started_s) * 1000
                one = answers[variant.name]
                one.found.append(merged)
                one.work.append(passes.canvas_px / self.network.input_px**2)
                if is_warm:
                    one.times_ms.append(look_ms + merge_ms)


def measure(bench: Bench, plans: Sequence[KnownPlan]) -> dict[str, dict[str, float]]:
    """Figures of every variant by name."""
    return {
        name: {
            **{key: round(value, 4) for key, value in asdict(precision(plans, got.found)).items()},
            "work": round(statistics.mean(got.work), 2),
            "median_ms": round(statistics.median(got.times_ms), 1) if got.times_ms else 0.0,
        }
        for name, got in bench.answer(plans).items()
    }


def as_table(figures: dict[str, dict[str, dict[str, float]]], rooms: dict[str, Rooms]) -> str:
    """Every set's variants, best AP50-95 first, with what they gain over a single look."""
    lines = []
    for plan_set, variants in figures.items():
        once, of_set = variants.get(ONCE), rooms[plan_set]
        title = f"{plan_set}: {of_set.a_picture:.0f} rooms of {of_set.side_px:.0f} px"
        lines += ["", f"{title:44}   AP50  AP50-95   gain  best F1  work       ms"]
        for name, row in sorted(variants.items(), key=lambda item: -item[1]["ap50_95"]):
            gain = f"{row['ap50_95'] - once['ap50_95']:+.3f}" if once else ""
            lines.append(
                f"  {name:42} {row['ap50']:6.3f}   {row['ap50_95']:6.3f} {gain:>6} "
                f"  {row['best_f1']:6.3f} {row['work']:5.2f} {row['median_ms']:8.1f}"
            )
    return "\n".join(lines)


def _read_sets(args: argparse.Namespace) -> dict[str, list[KnownPlan]]:
    sets = {}
    for name, folder, prefix in args.sets:
        sets[name] = read_plan_set(folder, prefix)[:: args.every]
        for side in args.mosaic:
            if sheets := mosaics(sets[name], side):
                sets[f"{name} {side} x {side}"] = sheets
            else:
                print(f"{name}: too few plans for {side} x {side}", file=sys.stderr)
    if args.sheets:
        sets |= {f"own sheets {side} x {side}": own_sheets(side) for side in SHEET_SIDES}
    return sets


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.answers", description=__doc__)
    add = parser.add_argument
    add(
        "sets", nargs="*", type=named_set, metavar="NAME=DIR[:PREFIX]",
        help="plan sets, or their pictures whose names start so",
    )  # fmt: skip
    add("--sheets", action="store_true", help="also sheets of our own plans")
    add("--mosaic", type=int, nargs="*", default=[], help="also sheets of N x N plans of the sets")
    add("--every", type=int, default=1, help="take every so many-th picture (1)")
    add("--only", default="", help="variants whose names match this regular expression")
    add("--network", type=Path, default=Path("weights/rooms"))
    add("--precision", type=Precision, default=Precision.AUTO, choices=list(Precision))
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0, the figures are the result; 2 if there is nothing to compare."""
    parser = _parser()
    args = parser.parse_args(argv)
    network = AnySizeNetwork(args.network, args.precision)
    looks = all_looks(network.input_px)
    chosen = [v for v in all_variants(network.input_px) if re.search(args.only, v.name)]
    bench = Bench(network, looks, all_merges(), chosen)
    sets = _read_sets(args)
    if not sets or not chosen:
        parser.error("name a plan set or --sheets, and variants that exist")
    figures = {}
    rooms = {name: rooms_of(plans, network.input_px) for name, plans in sets.items()}
    for name, plans in sets.items():
        print(f"{name}: {len(plans)} pictures, {len(chosen)} variants …", file=sys.stderr)
        figures[name] = measure(bench, plans)
    report = {
        "machine": machine.describe(),
        "network": str(args.network),
        "precision": args.precision,
        "pictures": {name: len(plans) for name, plans in sets.items()},
        "rooms": {name: asdict(of_set) for name, of_set in rooms.items()},
        "sets": figures,
    }
    print(json.dumps(report, indent=1))
    print(as_table(figures, rooms), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
