# SPDX-License-Identifier: AGPL-3.0-or-later
"""What each ingredient of the synthetic blueprints is worth to a detector trained on nothing else.

``python -m benchmarks.ablation --set NAME=DIR[:PREFIX] --out build/ablation`` draws a plan set per
variant, trains YOLOv8n on it from scratch for the same time, and judges it on real plans that no
variant has seen. A variant that is done is not run again, so the program can be stopped and
started; ``--variants`` picks some. Needs the training environment (``make venv-train``).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.machine import describe
from roomdet.config import Config, Limits
from roomdet.detector import load_detector
from roomdet.geometry import Detections
from roomdet.images import read_page
from roomdet.schema import RequestOptions
from training.coco import average_precision
from training.plan_sets import read_plan_set
from training.scoring import Judged

LOWEST_CONFIDENCE = 0.01
SEED = 500_000


@dataclass(frozen=True, slots=True)
class Variant:
    """A set of blueprints with something left out.

    Attributes:
        name: Short name, also of its folder.
        options: Passed to ``python -m training.synth``.
    """

    name: str
    options: tuple[str, ...] = ()


VARIANTS = (
    Variant("everything"),
    Variant(
        "only-black-walls",
        ("--without-walls", "gray", "hollow", "hatched", "brick", "insulated", "thin"),
    ),
    Variant("no-black-walls", ("--without-walls", "black", "gray")),
    Variant("no-furniture", ("--without", "furniture")),
    Variant("no-names", ("--without", "names")),
    Variant("no-patterns", ("--without", "patterns")),
    Variant("no-offices", ("--without", "offices")),
    Variant("no-several", ("--without", "several")),
    Variant("no-neighbors", ("--without", "neighbors")),
    Variant(
        "no-surroundings",
        (
            "--without",
            "dimensions",
            "crossing",
            "room dimensions",
            "grid",
            "roof",
            "sections",
            "title",
            "notes",
            "elevation",
        ),
    ),
    Variant("no-crop-stretch", ("--without", "crop", "stretch")),
    Variant("no-tilt-photo", ("--without", "tilt", "photo")),
    Variant("no-degrade", ("--without", "degrade")),
    Variant("own-layouts-only", ("--layout-share", "0")),
    Variant("measured-layouts-only", ("--layout-share", "1")),
)


def run_variant(variant: Variant, args: argparse.Namespace) -> dict[str, object]:
    """Draw, train, export and judge one variant; return its figures."""
    folder: Path = args.out / variant.name
    layouts = ["--layouts", str(args.layouts)] if args.layouts else []
    options = ["--count", str(args.count), "--seed", str(SEED), "--workers", "2"]
    _run("training.synth", "--out", str(folder / "plans"), *options, *layouts, *variant.options)
    _run(
        "training.train",
        *("--data", str(folder / "plans"), "--out", str(folder / "run"), "--start", "yolov8n"),
        *("--minutes", str(args.minutes), "--input-px", str(args.px), "--batch", "16"),
        *("--validate-minutes", str(args.minutes)),
    )
    checkpoint = folder / "run" / "rooms.pt"
    _run(
        "training.export",
        *(str(checkpoint), "--out", str(folder / "network"), "--input-px", str(args.px)),
        "--allow-no-rooms",
    )
    return {name: judge(folder / "network", *place) for name, place in args.sets.items()}


def _run(module: str, *options: str) -> None:
    subprocess.run([sys.executable, "-m", module, *options], check=True)


def judge(network: Path, plans: Path, prefix: str) -> dict[str, float]:
    """Return COCO's figures of a network on a plan set, without a server, at its own input size."""
    limits = Limits()
    detector = load_detector(network, Config(limits=limits))
    options = RequestOptions(confidence=LOWEST_CONFIDENCE)
    judged = []
    for picture in read_plan_set(plans, prefix):
        data = picture.path.read_bytes()
        page = read_page(data, page=1, side_px=detector.input_px, limits=limits)
        found = detector.detect(page.pixels, options)
        size_wh = (page.pixels.shape[1], page.pixels.shape[0])
        scaled = Detections(found.boxes_xyxy * np.array(size_wh * 2, np.float32), found.scores)
        judged.append(Judged(picture.path.name, picture.boxes_xyxy_px(size_wh), scaled))
    return {key: round(value, 4) for key, value in asdict(average_precision(judged)).items()}


def parse_set(text: str) -> tuple[str, tuple[Path, str]]:
    """Take ``NAME=DIR[:PREFIX]`` apart."""
    name, equals, place = text.partition("=")
    if not (name and equals and place):
        raise argparse.ArgumentTypeError(f"{text} is not NAME=DIR[:PREFIX]")
    folder, _, prefix = place.partition(":")
    return name, (Path(folder), prefix)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description=__doc__)
    parser.add_argument("--set", dest="sets", action="append", type=parse_set, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--layouts", type=Path)
    parser.add_argument("--count", type=int, default=1500, help="blueprints of each variant")
    parser.add_argument("--minutes", type=float, default=12.0, help="of training")
    parser.add_argument("--px", type=int, default=320, help="side of the network's input")
    parser.add_argument("--variants", nargs="*", choices=[variant.name for variant in VARIANTS])
    args = parser.parse_args()
    args.sets = dict(args.sets)
    for variant in VARIANTS:
        result = args.out / f"{variant.name}.json"
        if result.exists() or (args.variants and variant.name not in args.variants):
            continue
        args.out.mkdir(parents=True, exist_ok=True)
        figures = run_variant(variant, args)
        settings = {"count": args.count, "minutes": args.minutes, "px": args.px, "seed": SEED}
        row = {"variant": asdict(variant), "settings": settings, "machine": describe()}
        result.write_text(json.dumps(row | {"sets": figures}, indent=1) + "\n", encoding="utf-8")
        print(variant.name, json.dumps(figures), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
