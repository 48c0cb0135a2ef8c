# SPDX-License-Identifier: AGPL-3.0-or-later
"""What ``make train`` is worth to a user: AP on plans like theirs against the plans they labeled.

``python -m benchmarks.own_plans --plans own=plans:cubicasa- --other r3d=plans:r3d- --out build/x``
trains the shipped weights on 25, 50, 100 and 300 plans of a set for 10, 10, 20 and 45 minutes, with
no options but those of ``make train``, and judges on plans of the set that none of these saw, and
on another set for what was lost. This is done for two folds, whose plans to judge on are disjoint.
``--also synthetic:0.05`` trains on a mix. A measured point is not measured again, so that a stopped
command goes on. Such weights are never shipped. Needs ultralytics.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.coco import average_precision
from evaluation.scoring import EvalResult
from evaluation.served import submitted
from plans.errors import DataError
from plans.plan_sets import named_set, read_plan_set
from reporting import machine
from roomdet.config import Config, Limits, Precision
from roomdet.detector import load_detector
from roomdet.geometry import Detections
from roomdet.images import read_page
from roomdet.schema import RequestOptions
from training.record import write_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plans.plan_sets import Sample

FOLDS = 2
# So small a share of the plans that a single one is held out, and no time goes to validation.
ONE_HELD_OUT = 1e-9
# Fp32, because a weak network's rooms may move in bf16 so far that it refuses its golden plan.
CONFIG = Config(precision=Precision.FP32)
LOWEST_CONFIDENCE = RequestOptions(confidence=0.01)


@dataclass(frozen=True, slots=True)
class Fold:
    """A user's plans: some to judge on, the others to label, in the order in which that is done."""

    judged: list[Sample]
    labeled: list[Sample]


def make_folds(pictures: Sequence[Sample], judged: int) -> list[Fold]:
    """Shuffle the plans, the same way each time, and take different ones to judge on.

    Args:
        pictures: One a plan.
        judged: How many of them each fold judges on.
    """
    order = np.random.default_rng(0).permutation(len(pictures)).tolist()
    shuffled = [pictures[place] for place in order]
    folds = []
    for number in range(FOLDS):
        own = slice(number * judged, (number + 1) * judged)
        folds.append(Fold(shuffled[own], shuffled[: own.start] + shuffled[own.stop :]))
    return folds


def link_plans(pictures: Sequence[Sample], folder: Path) -> None:
    """A plan set that links to these pictures and their labels."""
    for picture in pictures:
        labels = picture.path.parent.parent / "labels" / f"{picture.path.stem}.txt"
        for source in (picture.path, labels):
            link = folder / source.parent.name / source.name
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to(source.resolve())


def measure_point(
    fold: Fold, count: int, minutes: float, folder: Path, args: argparse.Namespace
) -> dict[str, Any]:
    """Train on so many plans for so many minutes; 0 plans are the weights as they are.

    Raises:
        subprocess.CalledProcessError: If training or export fails.
    """
    network, checkpoint = folder / "network", args.start
    if count:
        link_plans(fold.labeled[:count], folder / "plans")
        data = [part for one in (str(folder / "plans"), *args.also) for part in ("--data", one)]
        run_module(
            "training.train",
            *data,
            *("--start", str(args.start), "--out", str(folder / "run")),
            *("--minutes", str(minutes), "--validate-minutes", str(minutes)),
            *("--epochs", str(args.epochs)),
            *("--held-out", str(ONE_HELD_OUT), "--threads", str(args.threads)),
        )
        checkpoint = folder / "run" / "rooms.pt"
    fp16 = ("--precision", "fp16", "--allow-no-rooms")
    run_module("archive.export", str(checkpoint), "--out", str(network), *fp16)
    name, _, _ = args.plans
    other, place, prefix = args.other
    sets = {name: fold.judged, other: read_plan_set(place, prefix=prefix).samples}
    figures = {one: judge(network, pictures) for one, pictures in sets.items()}
    return {"plans": count, "minutes": minutes, "sets": figures}


def judge(network: Path, pictures: Sequence[Sample]) -> dict[str, float]:
    """COCO's figures of a network on one look at each picture, in process.

    Args:
        network: Folder with ``network.json`` and what it names.
        pictures: With their true rooms.

    Raises:
        ModelError: If the network does not prove itself.
    """
    detector = load_detector(network, CONFIG)
    judged = []
    for picture in pictures:
        data, truth_xyxy_px, size_wh = submitted(picture, None)
        page = read_page(data, page=1, side_px=detector.input_px, limits=Limits())
        found = detector.predict(page.pixels).rooms(LOWEST_CONFIDENCE)
        boxes_xyxy_px = found.boxes_xyxy * np.array(size_wh * 2, np.float32)
        in_px = Detections(boxes_xyxy_px, found.scores)
        judged.append(EvalResult(picture.path.name, truth_xyxy_px, in_px, size_wh))
    return {key: round(value, 4) for key, value in asdict(average_precision(judged)).items()}


def run_module(module: str, *options: str) -> None:
    """Run a program of ours, and its own processes, to its end or to ours.

    Raises:
        subprocess.CalledProcessError: If it does not end with 0.
    """
    command = [sys.executable, "-m", module, *options]
    process = subprocess.Popen(command, process_group=0)
    try:
        status = process.wait()
    except BaseException:  # a signal: the training saves and stops
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise
    if status:
        raise subprocess.CalledProcessError(status, command)


def as_table(points: Sequence[dict[str, Any]]) -> str:
    """AP50 / AP50-95 of each count: the mean of the folds and how far each is from it."""
    names = list(points[0]["sets"])
    lines = ["| plans | minutes | " + " | ".join(f"{name} AP50 / AP50-95" for name in names) + " |"]
    lines.append("|---" * (2 + len(names)) + "|")
    for count, minutes in sorted({(point["plans"], point["minutes"]) for point in points}):
        same = [point["sets"] for point in points if point["plans"] == count]
        cells = [
            " / ".join(
                f"{np.mean(values):.3f} ± {np.ptp(values) / 2:.3f}"
                for values in ([one[name][key] for one in same] for key in ("ap50", "ap50_95"))
            )
            for name in names
        ]
        lines.append(f"| {count} | {minutes:g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.own_plans", description=__doc__)
    add = parser.add_argument
    for name in ("--plans", "--other"):
        add(name, type=named_set, required=True, metavar="NAME=DIR[:PREFIX]")
    add("--out", type=Path, required=True)
    add("--start", type=Path, default=Path("weights/rooms.pt"))
    add("--also", action="append", default=[], metavar="DIR[:WEIGHT]", help="trained on too")
    add("--counts", type=int, nargs="+", default=[25, 50, 100, 300])
    add("--minutes", type=float, nargs="+", default=[10, 10, 20, 45])
    add("--epochs", type=int, default=0, help="at most this many; 0: as many as fit")
    add("--judged", type=int, default=80, help="plans that each fold judges on (80)")
    add("--threads", type=int, default=machine.cores(), help="all cores")
    return parser


def _run(args: argparse.Namespace) -> None:
    _, place, prefix = args.plans
    pictures = read_plan_set(place, prefix=prefix).samples
    needed = max(FOLDS * args.judged, max(args.counts) + args.judged)
    if len(pictures) < needed:
        raise DataError(f"{place} has {len(pictures)} such plans; {needed} are needed")
    steps = [(0, 0.0), *zip(args.counts, args.minutes, strict=True)]
    points = []
    for count, minutes in steps:
        for number, fold in enumerate(make_folds(pictures, args.judged)):
            folder = args.out / f"{count}-plans-{number}"
            result = folder / "point.json"
            if not result.exists():
                folder.mkdir(parents=True, exist_ok=True)
                point = measure_point(fold, count, minutes, folder, args)
                write_atomically(result, json.dumps(point, indent=1) + "\n")
            points.append(json.loads(result.read_text("utf-8")))
            print(as_table(points), flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 when all points are measured, 1 failed, 2 bad usage."""
    parser = _parser()
    args = parser.parse_args(argv)
    if len(args.counts) != len(args.minutes):
        parser.error("--counts and --minutes go together")
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        _run(args)
    except (DataError, subprocess.CalledProcessError) as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
