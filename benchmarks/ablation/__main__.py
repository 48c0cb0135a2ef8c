# SPDX-License-Identifier: AGPL-3.0-or-later
"""What each ingredient of the synthetic blueprints, and each damage to them, is worth.

``python -m benchmarks.ablation --set NAME=DIR[:PREFIX] --out build/ablation`` draws a plan set for
each variant (:mod:`~benchmarks.ablation.variants`), trains YOLOv8n on nothing else, from scratch,
on the same number of pictures, and judges it on real plans that it has not seen, clean and spoilt.

What is compared does not hang on the machine: a run ends by epochs, not by the clock. A variant
that is done is not run again, and a stopped one goes on, so the program can be stopped and started;
``--variants`` picks some. ``python -m benchmarks.ablation.report`` makes the tables. Needs the
training environment (``make venv-train``).

Two programs with half of the variants each and ``--threads 1`` took 95 minutes for all 22 on two
cores of an AMD EPYC (2026-11-29, beside some other work): a minute to draw, 6 to 9 to train, one to
export and judge each.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.ablation.judging import PlanSet
from benchmarks.ablation.running import Kitchen, Means, Recipe, run_module
from benchmarks.ablation.variants import VARIANTS
from reporting import machine
from training.errors import DataError, TrainError
from training.plan_sets import named_set
from training.record import write_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.ablation.variants import Variant

NAMES = tuple(variant.name for variant in VARIANTS)


def choose(names: Sequence[str] | None, *, has_layouts: bool) -> list[Variant]:
    """The variants of these names, or all; not those that would equal another one."""
    chosen = [variant for variant in VARIANTS if not names or variant.name in names]
    return [variant for variant in chosen if has_layouts or not variant.needs_layouts]


def check_same(out: Path, settings: dict[str, Any]) -> None:
    """Figures in one folder must be comparable.

    Raises:
        DataError: If some were measured with other settings; the message names them.
    """
    for path in sorted(out.glob("*.json")):
        theirs = json.loads(path.read_text("utf-8"))["settings"]
        changed = [
            f"{key}: {theirs.get(key)} → {settings.get(key)}"
            for key in sorted(theirs.keys() | settings.keys())
            if theirs.get(key) != settings.get(key)
        ]
        if changed:
            raise DataError(f"{path} has other settings ({'; '.join(changed)}); take another --out")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ablation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--set", dest="sets", action="append", type=named_set, required=True,
        metavar="NAME=DIR[:PREFIX]", help="real plans, or those whose names start so",
    )  # fmt: skip
    add("--out", type=Path, required=True)
    add("--layouts", type=Path, help="measured layouts, JSON lines")
    add("--count", type=int, default=1000, help="blueprints of each variant (1000)")
    add("--epochs", type=int, default=6, help="how often each is trained on (6)")
    add("--px", type=int, default=320, help="side of the network's input (320)")
    add("--batch", type=int, default=8, help="pictures a step (8)")
    add("--minutes", type=float, default=600.0, help="at most, for a training; none needs it (600)")
    add("--threads", type=int, default=machine.cores(), help="all cores")
    add("--every", type=int, default=1, help="judge on every so many-th plan (1)")
    add("--spoilt", type=int, default=100, help="plans of each set that are spoilt, at most (100)")
    add("--variants", nargs="*", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    return parser


def _run(args: argparse.Namespace) -> None:
    recipe = Recipe(args.count, args.epochs, args.px, args.batch)
    kitchen = Kitchen(recipe, Means(args.layouts, args.minutes, args.threads), run_module)
    sets = {
        name: PlanSet.read(folder, prefix, every=args.every, spoilt_pictures=args.spoilt)
        for name, folder, prefix in args.sets
    }
    settings = asdict(recipe) | {
        "measured_layouts": args.layouts is not None,
        "sets": {name: len(plans.pictures) for name, plans in sets.items()},
        "spoilt": args.spoilt,
    }
    check_same(args.out, settings)
    for variant in choose(args.variants, has_layouts=args.layouts is not None):
        result = args.out / f"{variant.name}.json"
        if result.exists():
            continue
        told = kitchen.make(variant, args.out / variant.name)
        network = args.out / variant.name / "network"
        report = {
            "variant": variant.name,
            "options": variant.options,
            "settings": settings,
            "machine": machine.describe(),
            "training": told,
            "sets": {name: plans.judge(network, variant.spoilt) for name, plans in sets.items()},
        }
        write_atomically(result, json.dumps(report, indent=1) + "\n")
        print(variant.name, json.dumps(report["sets"]), flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 when all are done, 1 failed, 2 bad usage."""
    args = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        _run(args)
    except (DataError, TrainError, subprocess.CalledProcessError) as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
