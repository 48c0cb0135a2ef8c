# SPDX-License-Identifier: AGPL-3.0-or-later
"""Draw synthetic blueprints with their rooms: ``python -m training.synth --out DIR --count 1000``.

Writes ``images/``, ``labels/`` (YOLO text) and ``index.jsonl``. Picture i of seed s is the
blueprint of seed ``s + i``, whatever the count.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

from training.degrade import EFFECT_NAMES
from training.synth.blueprint import INGREDIENTS, Spec, draw_blueprint
from training.synth.layouts import read_layouts
from training.synth.style import WallStyle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.synth.blueprint import Blueprint

_JPEG_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to draw."""

    seed: int
    folder: Path
    spec: Spec


_layouts: list[dict[str, Any]] = []  # of a worker process, read once


def _start_worker(layouts: Path | None) -> None:
    cv2.setNumThreads(1)
    if layouts is not None:
        _layouts.extend(read_layouts(layouts))


def _draw(job: Job) -> dict[str, Any]:
    blueprint = draw_blueprint(job.seed, job.spec, _layouts)
    name = f"synth-{job.seed:08d}"
    image = job.folder / "images" / f"{name}.jpg"
    cv2.imwrite(str(image), blueprint.page[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    (job.folder / "labels" / f"{name}.txt").write_text(boxes_to_yolo(blueprint), encoding="ascii")
    return {
        "image": image.name,
        "width": blueprint.page.shape[1],
        "height": blueprint.page.shape[0],
        "rooms": len(blueprint.boxes_xyxy_px),
        "complete": True,
        "plan": name,
        "family": f"synthetic {blueprint.wall_style}",
    }


def boxes_to_yolo(blueprint: Blueprint) -> str:
    """Return one line ``0 cx cy w h`` a room, fractions of the page."""
    h, w = blueprint.page.shape[:2]
    lines = []
    for x0, y0, x1, y1 in blueprint.boxes_xyxy_px.tolist():
        numbers = ((x0 + x1) / 2 / w, (y0 + y1) / 2 / h, (x1 - x0) / w, (y1 - y0) / h)
        lines.append("0 " + " ".join(f"{number:.6f}" for number in numbers))
    return "\n".join(lines) + "\n" * bool(lines)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; ``spec`` is what it asks for. Bad usage ends the program with status 2."""
    parser = argparse.ArgumentParser(prog="python -m training.synth", description=__doc__)
    add = parser.add_argument
    add("--out", type=Path, required=True, help="folder to write")
    add("--count", type=int, required=True)
    add("--seed", type=int, default=0, help="of the first picture")
    add("--layouts", type=Path, help="measured layouts, JSON lines")
    add("--layout-share", type=float, default=0.35, help="storeys from them, 0 to 1")
    add("--px", type=int, default=640, help="longer side of the pictures")
    add("--without", nargs="*", default=[], choices=INGREDIENTS)
    add("--without-walls", nargs="*", default=[], choices=[*WallStyle])
    add("--without-damage", nargs="*", default=[], choices=EFFECT_NAMES)
    add("--workers", type=int, default=1)
    args = parser.parse_args(argv)
    args.spec = Spec(
        long_side_px=args.px,
        layout_share=args.layout_share,
        without=tuple(args.without),
        without_walls=tuple(WallStyle(style) for style in args.without_walls),
        without_damage=tuple(args.without_damage),
    )
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    args = parse_args(argv)
    for name in ("images", "labels"):
        (args.out / name).mkdir(parents=True, exist_ok=True)
    jobs = [Job(args.seed + i, args.out, args.spec) for i in range(args.count)]
    rows = []
    with multiprocessing.Pool(args.workers, _start_worker, (args.layouts,)) as pool:
        for row in pool.imap(_draw, jobs, chunksize=8):
            rows.append(row)
            if len(rows) % 250 == 0 or len(rows) == len(jobs):
                print(f"{len(rows)} of {len(jobs)}", file=sys.stderr, flush=True)
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    (args.out / "index.jsonl").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
