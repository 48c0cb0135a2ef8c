# SPDX-License-Identifier: AGPL-3.0-or-later
"""Draw synthetic blueprints with their rooms: ``python -m plans.synth --out DIR --count 1000``.

Writes ``images/``, ``labels/`` (YOLO text), ``index.jsonl``, and ``rooms.jsonl`` with each room's
outline in pixels. Kind ``plans`` draws flats and
small buildings, a picture a blueprint: picture i of seed s is the blueprint of seed ``s + i``,
whatever the count. Kinds ``floors`` and ``sheets`` draw floors of large buildings, alone or on
whole sheets with all that stands around them; a sheet is drawn once and cut into eight tiles at
several scales, so that picture i of seed s is a tile of the sheet of seed ``s + i // 8``. With
``--whole`` they are not cut, and ``rooms.jsonl`` holds the rooms' outlines and what is written in
them. With ``--pdf`` sheets are PDF pages with a text layer, drawn to a scale that they state.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np

from plans.degrade import EFFECT_NAMES
from plans.synth.blueprint import INGREDIENTS, Spec, draw_blueprint
from plans.synth.layouts import read_layouts
from plans.synth.measured import read_large_layouts
from plans.synth.outlines import outline_row
from plans.synth.plotted import draw_plotted, truth_of
from plans.synth.sheet import SheetSpec, draw_sheet
from plans.synth.style import WallStyle
from plans.synth.tiles import cut_tiles, visible_rooms
from plans.synth.truth import rooms_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

Rows: TypeAlias = tuple[dict[str, Any], dict[str, object]]  # of a picture in the two indices

_JPEG_QUALITY = 92
TILES = 8  # of a sheet


@dataclass(frozen=True, slots=True)
class Job:
    """One blueprint or sheet to draw.

    Attributes:
        seed: Of it.
        folder: Where its pictures and labels go.
        spec: What it may look like; the type says which kind it is.
        tiles: How many tiles of a sheet are written; 0 writes it whole.
        px: Longer side of a tile.
        is_pdf: Whether a sheet is written as a document.
    """

    seed: int
    folder: Path
    spec: Spec | SheetSpec
    tiles: int = 0
    px: int = 640
    is_pdf: bool = False


_layouts: list[dict[str, Any]] = []  # of a worker process, read once


def _start_worker(layouts: Sequence[Path], is_plans: bool) -> None:  # noqa: FBT001 - Pool's way
    cv2.setNumThreads(1)
    for path in layouts:
        _layouts.extend(read_layouts(path) if is_plans else read_large_layouts(path))


def _draw(job: Job) -> list[Rows]:
    """Draw a job's pictures; return what the index and ``rooms.jsonl`` say of each."""
    if isinstance(job.spec, Spec):
        return [_draw_plan(job, job.spec)]
    return [_plot_sheet(job, job.spec)] if job.is_pdf else _draw_sheet(job, job.spec)


def _draw_plan(job: Job, spec: Spec) -> Rows:
    blueprint = draw_blueprint(job.seed, spec, _layouts)
    name = f"synth-{job.seed:08d}"
    _write_labels(job.folder, name, blueprint.boxes_xyxy_px, blueprint.page.shape)
    image = _image(job.folder, f"{name}.jpg")
    cv2.imwrite(str(image), blueprint.page[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    family = f"synthetic {blueprint.wall_style}"
    row = _row(image, blueprint.page.shape, len(blueprint.boxes_xyxy_px), name, family)
    return row, outline_row(image.name, blueprint.outlines)


def _draw_sheet(job: Job, spec: SheetSpec) -> list[Rows]:
    """Write a sheet's tiles, or all of it as a gray PNG."""
    sheet = draw_sheet(job.seed, spec, _layouts)
    family = "synthetic floor" if spec.floors_only else "synthetic sheet"
    plan = f"synth-{family[10:]}-{job.seed:08d}"
    if not job.tiles:
        image = _image(job.folder, f"{plan}.png")
        cv2.imwrite(str(image), cv2.cvtColor(sheet.page, cv2.COLOR_RGB2GRAY))
        boxes, _ = visible_rooms(sheet.rooms, 1.0, (0, 0), sheet.page.shape)
        _write_labels(job.folder, plan, boxes, sheet.page.shape)
        row = _row(image, sheet.page.shape, len(boxes), plan, family)
        return [(row, {"image": image.name, "rooms": rooms_of(sheet.rooms)})]
    rows: list[Rows] = []
    rng = np.random.default_rng([job.seed, 2])
    for i, tile in enumerate(cut_tiles(sheet, TILES, job.px, rng)[: job.tiles]):
        name = f"{plan}-{i}"
        _write_labels(job.folder, name, tile.boxes_xyxy_px, tile.page.shape)
        image = _image(job.folder, f"{name}.jpg")
        cv2.imwrite(str(image), tile.page[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        row = _row(image, tile.page.shape, len(tile.boxes_xyxy_px), plan, family)
        row["level_px"] = tile.level_px
        rows.append((row, outline_row(image.name, tile.outlines)))
    return rows


def _plot_sheet(job: Job, spec: SheetSpec) -> Rows:
    """Write a sheet as a document; lengths are points of its page."""
    sheet = draw_plotted(job.seed, spec, _layouts)
    truth = truth_of(sheet)
    plan = f"synth-plotted-{job.seed:08d}"
    image = _image(job.folder, f"{plan}.pdf")
    image.write_bytes(sheet.pdf)
    corners = [np.array(room["polygon"]) for room in truth["rooms"]]
    boxes = np.array([[*xy.min(axis=0), *xy.max(axis=0)] for xy in corners], np.float32)
    page_hw = (round(truth["page_wh_pt"][1]), round(truth["page_wh_pt"][0]))
    _write_labels(job.folder, plan, boxes, page_hw)
    row = _row(image, page_hw, len(boxes), plan, "synthetic plotted sheet")
    return row, {"image": image.name, **truth}


def _image(folder: Path, name: str) -> Path:
    return folder / "images" / name


def _write_labels(
    folder: Path, name: str, boxes: npt.NDArray[np.float32], page_hw: tuple[int, ...]
) -> None:
    path = folder / "labels" / f"{name}.txt"
    path.write_text(boxes_to_yolo(boxes, page_hw), encoding="ascii")


def _row(
    image: Path, page_hw: tuple[int, ...], rooms: int, plan: str, family: str
) -> dict[str, Any]:
    """Return a picture's line in the index."""
    return {
        "image": image.name,
        "width": page_hw[1],
        "height": page_hw[0],
        "rooms": rooms,
        "complete": True,
        "plan": plan,
        "family": family,
    }


def boxes_to_yolo(boxes: npt.NDArray[np.float32], page_hw: tuple[int, ...]) -> str:
    """Return one line ``0 cx cy w h`` a room, fractions of the page.

    Args:
        boxes: float32, shape ``(n, 4)``, corners in pixels.
        page_hw: Height and width of the page, perhaps more.
    """
    h, w = page_hw[:2]
    lines = []
    for x0, y0, x1, y1 in boxes.tolist():
        numbers = ((x0 + x1) / 2 / w, (y0 + y1) / 2 / h, (x1 - x0) / w, (y1 - y0) / h)
        lines.append("0 " + " ".join(f"{number:.6f}" for number in numbers))
    return "\n".join(lines) + "\n" * bool(lines)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; ``spec`` is what it asks for. Bad usage ends the program with status 2."""
    parser = argparse.ArgumentParser(prog="python -m plans.synth", description=__doc__)
    add = parser.add_argument
    add("--out", type=Path, required=True, help="folder to write")
    add("--count", type=int, required=True, help="pictures")
    add("--kind", default="plans", choices=("plans", "floors", "sheets"))
    add("--seed", type=int, default=0, help="of the first blueprint or sheet")
    add("--layouts", type=Path, nargs="*", default=[], help="measured layouts, JSON lines")
    add("--layout-share", type=float, default=0.35, help="storeys from them, 0 to 1")
    add("--px", type=int, default=640, help="longer side of the pictures")
    add("--whole", action="store_true", help="floors and sheets uncut, gray PNG")
    add("--pdf", action="store_true", help="sheets whole, as PDF pages to scale")
    add("--sheet-px", type=int, help="longer side of a sheet; 3000 to 5600 if not given")
    add("--without", nargs="*", default=[], choices=INGREDIENTS)
    add("--without-walls", nargs="*", default=[], choices=[*WallStyle])
    add("--without-damage", nargs="*", default=[], choices=EFFECT_NAMES)
    add("--workers", type=int, default=1)
    args = parser.parse_args(argv)
    if args.pdf and args.kind != "sheets":
        parser.error("--pdf is of --kind sheets")
    args.spec = _spec(args)
    return args


def _spec(args: argparse.Namespace) -> Spec | SheetSpec:
    if args.kind != "plans":
        return SheetSpec(
            long_side_px=args.sheet_px,
            layout_share=args.layout_share,
            floors_only=args.kind == "floors",
        )
    return Spec(
        long_side_px=args.px,
        layout_share=args.layout_share,
        without=tuple(args.without),
        without_walls=tuple(WallStyle(style) for style in args.without_walls),
        without_damage=tuple(args.without_damage),
    )


def _jobs(args: argparse.Namespace) -> list[Job]:
    if args.kind == "plans" or args.whole or args.pdf:
        numbers = range(args.seed, args.seed + args.count)
        return [Job(seed, args.out, args.spec, is_pdf=args.pdf) for seed in numbers]
    starts = range(0, args.count, TILES)
    return [
        Job(args.seed + k, args.out, args.spec, min(TILES, args.count - start), args.px)
        for k, start in enumerate(starts)
    ]


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    for name in ("images", "labels"):
        (args.out / name).mkdir(parents=True, exist_ok=True)
    rows: list[Rows] = []
    start = (args.layouts, args.kind == "plans")
    with multiprocessing.Pool(args.workers, _start_worker, start) as pool:
        for more in pool.imap(_draw, _jobs(args), chunksize=4):
            rows += more
            if len(rows) // 250 > (len(rows) - len(more)) // 250 or len(rows) == args.count:
                print(f"{len(rows)} of {args.count}", file=sys.stderr, flush=True)
    for file, lines in zip(("index.jsonl", "rooms.jsonl"), zip(*rows, strict=True), strict=True):
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        (args.out / file).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
