# SPDX-License-Identifier: AGPL-3.0-or-later
"""Compare exported networks at several input sizes: average precision against latency.

``python -m benchmarks.sizes --network YOLOv8n=weights/rooms --network YOLOv8s=build/s --set
cubicasa=plans:cubicasa- --every 3 > benchmarks/results/sizes.json``; :mod:`benchmarks.sizes.plot`
and :mod:`benchmarks.sizes.report` show it. What is compared is what the server does of a page on
its first level: read it at the network's size, lay it on the smallest canvas, run the network,
suppress.

Precision comes first, on every picture. Latency is then taken on a few of them, which were read and
run once before, in rounds in which all networks and sizes take turns; the machine should be quiet.
YOLOv8n and YOLOv8s at four sizes take about 0.5 s a picture (computed), and as much a round.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.mosaics import KnownPlan
from evaluation.precision import precision
from reporting import machine
from roomdet.anchors import STRIDES
from roomdet.config import Limits, Precision
from roomdet.detector import OpenVinoDetector, precision_of
from roomdet.images import read_page
from roomdet.network import NetworkManifest
from roomdet.schema import RequestOptions
from training.errors import DataError
from training.plan_sets import evenly_thinned, named_set, read_plan_set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet.detector import Detector
    from roomdet.geometry import Detections

SIDES_PX = (416, 512, 640, 768)
LIMITS = Limits()
LOWEST_CONFIDENCE = RequestOptions(confidence=0.01)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found on a picture, and what it took.

    Attributes:
        found: Boxes as fractions of the picture.
        read_ms: From the file to pixels.
        detect_ms: From pixels to rooms.
    """

    found: Detections
    read_ms: float
    detect_ms: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network at an input size.

    Attributes:
        network: Its label.
        side_px: Longest side of a page that it sees.
        detector: It.
        answers: Of the latency rounds.
    """

    network: str
    side_px: int
    detector: Detector
    answers: list[Answer] = field(default_factory=list)

    def answer(self, plan: KnownPlan) -> Answer:
        """Do with a file what the server does with it."""
        began_s = time.perf_counter()
        page = read_page(plan.data, page=1, side_px=self.side_px, limits=LIMITS)
        read_s = time.perf_counter()
        found = self.detector.predict(page.pixels).rooms(LOWEST_CONFIDENCE)
        return Answer(found, (read_s - began_s) * 1000, (time.perf_counter() - read_s) * 1000)

    @property
    def latency_ms(self) -> dict[str, float]:
        """Medians of the latency rounds."""
        columns = {
            "read": [one.read_ms for one in self.answers],
            "detect": [one.detect_ms for one in self.answers],
            "both": [one.read_ms + one.detect_ms for one in self.answers],
        }
        return {name: round(statistics.median(times), 2) for name, times in columns.items()}


@dataclass(frozen=True, slots=True)
class Bench:
    """What is compared, and on what.

    Attributes:
        candidates: Every network at every size.
        sets: Plans by the name of their set.
    """

    candidates: list[Candidate]
    sets: dict[str, list[KnownPlan]]

    def measure_precision(self) -> list[dict[str, dict[str, float]]]:
        """Figures of each candidate by set."""
        figures: list[dict[str, dict[str, float]]] = [{} for _ in self.candidates]
        for name, plans in self.sets.items():
            for candidate, of_candidate in zip(self.candidates, figures, strict=True):
                _say(f"{name}: {candidate.network} at {candidate.side_px} px …")
                found = [candidate.answer(plan).found for plan in plans]
                values = asdict(precision(plans, found))
                of_candidate[name] = {key: round(value, 4) for key, value in values.items()}
        return figures

    def measure_latency(self, pictures: int, rounds: int) -> None:
        """Let all candidates answer the same plans in turn, so that each sees the same machine.

        Args:
            pictures: Of each set at most.
            rounds: How often, after one for warming up.
        """
        plans = [plan for of_set in self.sets.values() for plan in evenly_thinned(of_set, pictures)]
        for number in range(rounds + 1):
            _say(f"latency: round {number} of {rounds} …")
            for plan in plans:
                for candidate in self.candidates:
                    answer = candidate.answer(plan)
                    if number:
                        candidate.answers.append(answer)


def parse_network(text: str) -> tuple[str, Path, Precision]:
    """Take ``LABEL=FOLDER`` or ``LABEL=FOLDER:PRECISION`` apart.

    Raises:
        argparse.ArgumentTypeError: If it is neither.
    """
    label, equals, place = text.partition("=")
    folder, _, arithmetic = place.partition(":")
    known = [*Precision]
    if not (label and equals and folder) or (arithmetic and arithmetic not in known):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not LABEL=FOLDER or LABEL=FOLDER:PRECISION, one of {', '.join(known)}"
        )
    return label, Path(folder), Precision(arithmetic or Precision.AUTO)


def load(folder: Path, asked: Precision, side_px: int, threads: int) -> OpenVinoDetector:
    """Load an exported network for another size than that of its export.

    Raises:
        ModelError: If it is damaged or no YOLOv8.
    """
    arithmetic = precision_of(NetworkManifest.read(folder), asked)
    return OpenVinoDetector(folder, input_px=side_px, precision=arithmetic, threads=threads)


def measure(args: argparse.Namespace) -> dict[str, object]:
    """Measure what the command line asks for; returns the report.

    Raises:
        DataError: If a plan set cannot be read.
        ModelError: If a network cannot be loaded.
    """
    sets = {
        name: [KnownPlan.read(one) for one in read_plan_set(folder, prefix)[:: args.every]]
        for name, folder, prefix in args.sets
    }
    detectors = {
        label: [load(folder, asked, side_px, args.threads) for side_px in args.sides]
        for label, folder, asked in args.networks
    }
    candidates = [
        Candidate(label, detector.input_px, detector)
        for label, of_network in detectors.items()
        for detector in of_network
    ]
    bench = Bench(candidates, sets)
    figures = bench.measure_precision()
    bench.measure_latency(args.pictures, args.rounds)
    return {
        "machine": machine.describe(),
        "threads": args.threads,
        "rounds": args.rounds,
        "latency_pictures": args.pictures,
        "pictures": {name: len(plans) for name, plans in sets.items()},
        "networks": {
            label: {
                "checkpoint_sha256": (manifest := NetworkManifest.read(folder)).checkpoint_sha256,
                "stored": manifest.precision,
                "computed": detectors[label][0].precision,
            }
            for label, folder, _ in args.networks
        },
        "figures": [
            {
                "network": candidate.network,
                "side_px": candidate.side_px,
                "latency_ms": candidate.latency_ms,
                "sets": of_candidate,
            }
            for candidate, of_candidate in zip(candidates, figures, strict=True)
        ],
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is below 1")
    return number


def _side(text: str) -> int:
    if (side_px := _positive(text)) % STRIDES[-1]:
        raise argparse.ArgumentTypeError(f"{side_px} is no multiple of {STRIDES[-1]}")
    return side_px


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; bad usage ends the program with status 2."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizes", description=__doc__)
    add = parser.add_argument
    add(
        "--network", dest="networks", action="append", type=parse_network, required=True,
        metavar="LABEL=FOLDER[:PRECISION]", help="an exported network; auto, fp32 or bf16",
    )  # fmt: skip
    add(
        "--set", dest="sets", action="append", type=named_set, required=True,
        metavar="NAME=DIR[:PREFIX]", help="a plan set, or its pictures whose names start so",
    )  # fmt: skip
    add("--sides", type=_side, nargs="+", default=SIDES_PX, metavar="PX", help="input sizes")
    add("--every", type=_positive, default=1, help="take every so many-th picture (1)")
    add("--pictures", type=_positive, default=15, help="of a set at most, for latency (15)")
    add("--rounds", type=_positive, default=5, help="of latency, after one for warming up (5)")
    add("--threads", type=int, default=0, help="0 lets OpenVINO choose")
    args = parser.parse_args(argv)
    for what, found in (("--network", args.networks), ("--set", args.sets)):
        if len({one[0] for one in found}) < len(found):
            parser.error(f"{what}: two have the same name")
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0, the figures are the result; 1 if a plan set cannot be read."""
    args = parse_args(argv)
    try:
        report = measure(args)
    except DataError as err:
        _say(f"error: {err}")
        return 1
    print(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
