# SPDX-License-Identifier: AGPL-3.0-or-later
"""Turn CubiCasa5k, as one downloads it, into a plan set: pictures with the boxes of their rooms.

``python -m plans.cubicasa cubicasa5k --split cubicasa5k/train.txt --out build/cubicasa-train``

Which spaces count as rooms, and what the license asks for: ``docs/cubicasa.md``.
"""

from __future__ import annotations

import argparse
import filecmp
import hashlib
import json
import sys
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from plans.cubicasa_drawing import PlanRefused, Space, parse_spaces
from roomdet.config import Limits
from roomdet.errors import RequestError
from roomdet.images import read_page

if TYPE_CHECKING:
    from collections.abc import Iterable

PICTURE, DRAWING, INDEX = "F1_scaled.png", "model.svg", "index.jsonl"
OTHER_FLOORS = "F[2-9]_scaled.png"
OUTDOOR = "Outdoor"
LIMITS = Limits(max_bytes=1024**3)  # the largest picture has 90 million pixels
MAX_DRAWING_BYTES = 64 * 1024**2
SIDE_PX = 1280  # twice what the network sees, so that training may cut and zoom
# A pixel of F1_scaled.png is a centimeter: narrower than 0.3 m are only the annotators' leftovers.
SLIVER_PX = 30
# The rooms of a picture that was never scaled lie beyond it (CubiCasa5k, issue 20).
MAX_SHARE_OUTSIDE = 0.05


class ConversionError(Exception):
    """There is nothing to convert, or nowhere to put it; the message says why."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is taken from the data.

    Attributes:
        without: Kinds of spaces that are no rooms.
        side_px: Longer side of the pictures that are written; smaller ones keep their size.
        min_side_px: Spaces narrower than this in ``F1_scaled.png`` are left out.
    """

    without: frozenset[str] = frozenset()
    side_px: int = SIDE_PX
    min_side_px: int = SLIVER_PX

    def __post_init__(self) -> None:
        if self.side_px < 1:
            raise ConversionError(f"pictures of {self.side_px} px cannot be written")


@dataclass(slots=True)
class Report:
    """What became of the data: spaces by kind, and why folders were left out."""

    pictures: int = 0
    rooms: Counter[str] = field(default_factory=Counter)
    left_out_spaces: Counter[str] = field(default_factory=Counter)
    left_out_plans: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConvertedPlan:
    """One converted plan.

    Attributes:
        picture: RGB.
        rooms: Their boxes lie on ``F1_scaled.png``.
        scaled_wh_px: Size of ``F1_scaled.png``.
        left_out: Spaces that are no rooms, by reason.
        sha256: Of ``F1_scaled.png``.
    """

    picture: Image.Image
    rooms: list[Space]
    scaled_wh_px: tuple[int, int]
    left_out: Counter[str]
    sha256: str

    def label_lines(self) -> str:
        """The rooms in YOLO's form: ``0``, then center, width and height as fractions."""
        boxes = np.array([room.box_xyxy_px for room in self.rooms]) / (self.scaled_wh_px * 2)
        centers, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        rows = np.concatenate([centers, sizes], axis=1).tolist()
        return "".join("0 {:.6f} {:.6f} {:.6f} {:.6f}\n".format(*row) for row in rows)


def find_plans(source: Path, split: Path | None) -> list[str]:
    """Folders of plans below ``source``, such as ``high_quality/123``.

    Args:
        source: Holds ``colorful``, ``high_quality`` and ``high_quality_architectural``.
        split: A list of such folders, one a line; None takes all there are.

    Raises:
        ConversionError: If none of them has a drawing.
    """
    if split:
        plans = [line.strip("/") for line in split.read_text("utf-8").split()]
    else:
        drawings = sorted(source.glob(f"*/*/{DRAWING}"))
        plans = [drawing.parent.relative_to(source).as_posix() for drawing in drawings]
    if not any((source / plan / DRAWING).is_file() for plan in plans):
        raise ConversionError(f"no folder of {split or source} has a {DRAWING}")
    return plans


def convert(
    source: Path, plans: Iterable[str], out: Path, choice: Choice, known_sha256: Iterable[str]
) -> Report:
    """Write a plan set.

    Args:
        source: See :func:`find_plans`.
        plans: See :func:`find_plans`.
        out: Made; holds ``images``, ``labels`` and ``index.jsonl``.
        choice: What is taken.
        known_sha256: Digests of pictures that are left out, as repeated ones are.

    Raises:
        ConversionError: If ``out`` holds a plan set already.
    """
    if (out / INDEX).exists():
        raise ConversionError(f"{out} holds a plan set already")
    for name in ("images", "labels"):
        (out / name).mkdir(parents=True, exist_ok=True)
    seen = set(known_sha256)
    report = Report()
    with (out / INDEX).open("w", encoding="utf-8") as index:
        for plan in plans:
            try:
                converted = convert_plan(source / plan, choice)
                if converted.sha256 in seen:
                    raise PlanRefused("its picture is that of another plan")  # noqa: TRY301
            except (PlanRefused, RequestError, OSError) as err:
                report.left_out_plans[plan] = str(err)
                continue
            seen.add(converted.sha256)
            index.write(json.dumps(_write(plan, converted, out)) + "\n")
            report.pictures += 1
            report.rooms.update(room.kind for room in converted.rooms)
            report.left_out_spaces.update(converted.left_out)
    return report


def _write(plan: str, converted: ConvertedPlan, out: Path) -> dict[str, object]:
    """Write picture and labels; return the line of the index."""
    stem = f"cubicasa-{plan.replace('/', '-')}"
    converted.picture.save(out / "images" / f"{stem}.png")
    (out / "labels" / f"{stem}.txt").write_text(converted.label_lines(), "utf-8")
    width, height = converted.picture.size
    return {
        "image": f"{stem}.png",
        "plan": f"cubicasa:{plan}",
        "family": "CubiCasa5k",
        "width": width,
        "height": height,
        "rooms": len(converted.rooms),
        "licence": "CC BY-NC 4.0",
        "source_sha256": converted.sha256,
    }


def convert_plan(folder: Path, choice: Choice) -> ConvertedPlan:
    """Read one plan.

    Raises:
        PlanRefused: If its drawing does not fit its picture, or shows no room.
        RequestError: If its picture cannot be read or is too large.
        OSError: If a file is missing.
    """
    drawing = (folder / DRAWING).read_bytes()
    if len(drawing) > MAX_DRAWING_BYTES:
        raise PlanRefused(f"the drawing has {len(drawing):,} bytes")
    try:
        spaces, broken = parse_spaces(drawing.decode("utf-8-sig"))
    except UnicodeDecodeError as err:
        raise PlanRefused("the drawing is not in UTF-8") from err
    path = folder / PICTURE
    for other in sorted(folder.glob(OTHER_FLOORS)):
        if not filecmp.cmp(path, other, shallow=False):
            raise PlanRefused(f"{other.name} differs from {PICTURE}: which has which rooms?")
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    width, height = _size_px(path)
    rooms, left_out = choose_rooms(spaces, (width, height), choice)
    left_out["broken polygon"] += broken
    side_px = min(choice.side_px, max(width, height))
    page = read_page(data, page=1, side_px=side_px, limits=LIMITS)
    picture = Image.fromarray(page.pixels)
    return ConvertedPlan(picture, rooms, (width, height), left_out, digest)


def _size_px(path: Path) -> tuple[int, int]:
    """Width and height as the file's header says; ``OSError`` if it is no picture."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of large pictures; the limits are ours
        with Image.open(path) as picture:
            return picture.size


def choose_rooms(
    spaces: Iterable[Space], scaled_wh_px: tuple[int, int], choice: Choice
) -> tuple[list[Space], Counter[str]]:
    """Clip the spaces to the picture and leave out what is no room.

    Returns:
        The rooms, and how many spaces were left out, by reason.

    Raises:
        PlanRefused: If the spaces do not lie on the picture, or none is a room.
    """
    rooms: list[Space] = []
    left_out: Counter[str] = Counter()
    all_px = inside_px = 0.0
    for space in spaces:
        box = np.array(space.box_xyxy_px)
        clipped = np.clip(box, 0, scaled_wh_px * 2)
        sides = clipped[2:] - clipped[:2]
        all_px += float(np.prod(box[2:] - box[:2]))
        inside_px += float(np.prod(sides))
        if space.kind in choice.without:
            left_out[space.kind] += 1
        elif sides.min() < choice.min_side_px:
            left_out["sliver"] += 1
        else:
            x0, y0, x1, y1 = clipped.tolist()
            rooms.append(Space(space.kind, (x0, y0, x1, y1)))
    if inside_px < all_px * (1 - MAX_SHARE_OUTSIDE):
        share = 1 - inside_px / all_px
        raise PlanRefused(f"{share:.0%} of its rooms lie outside its picture of {scaled_wh_px} px")
    if not rooms:
        raise PlanRefused("it shows no room")
    return rooms, left_out


def read_digests(plan_set: Path) -> set[str]:
    """Digests of the pictures that a plan set of ours was made from."""
    with (plan_set / INDEX).open(encoding="utf-8") as index:
        return {row["source_sha256"] for row in map(json.loads, index)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m plans.cubicasa", description=__doc__)
    parser.add_argument("source", type=Path, help="the unpacked CubiCasa5k")
    parser.add_argument("--out", type=Path, required=True, help="the plan set to write")
    parser.add_argument("--split", type=Path, help="train.txt, val.txt or test.txt")
    for flag, value, meaning in (
        ("--side-px", SIDE_PX, "longer side of the pictures that are written"),
        ("--min-side-px", SLIVER_PX, "spaces narrower than this in F1_scaled.png are no rooms"),
    ):
        parser.add_argument(flag, type=int, default=value, help=f"{meaning} ({value})")
    parser.add_argument(
        "--without", nargs="+", default=[], metavar="KIND", help="spaces that are no rooms: Closet"
    )
    parser.add_argument("--without-outdoor", action="store_true", help=f"--without {OUTDOOR}")
    parser.add_argument(
        "--not-in", type=Path, nargs="+", default=[], metavar="SET", help="without these pictures"
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line: 0 when a plan set is written, 1 when there is nothing to write."""
    args = _parser().parse_args(argv)
    without = [*args.without, OUTDOOR] if args.without_outdoor else args.without
    try:
        choice = Choice(frozenset(without), args.side_px, args.min_side_px)
        plans = find_plans(args.source, args.split)
        known = {digest for plan_set in args.not_in for digest in read_digests(plan_set)}
        report = convert(args.source, plans, args.out, choice, known)
    except (ConversionError, OSError) as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    print(json.dumps({name: getattr(report, name) for name in report.__slots__}, indent=1))
    return 0 if report.pictures else 1


if __name__ == "__main__":
    sys.exit(main())
