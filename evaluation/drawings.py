# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures with their true rooms and the found ones, for people to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from evaluation.scoring import count

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evaluation.scoring import Judged
    from training.plan_sets import PlanPicture

TRUTH_COLOR, FOUND_COLOR = "#128a2e", "#e06000"
LONGEST_PX = 1400
FONT_PX = 14
TRUTH_LINE_PX, FOUND_LINE_PX = 4, 2


def draw_judged(picture: PlanPicture, judged: Judged, *, threshold: float) -> Image.Image:
    """Draw true rooms in green and those found in orange, with their confidence.

    Args:
        picture: The picture, clean.
        judged: What was found on it.
        threshold: Found rooms below this confidence are left out.
    """
    with Image.open(picture.path) as opened:
        drawing = opened.convert("RGB")
    scale = min(1.0, LONGEST_PX / max(drawing.size))
    drawing = drawing.resize((round(drawing.width * scale), round(drawing.height * scale)))
    pen = ImageDraw.Draw(drawing)
    font = ImageFont.load_default(FONT_PX)
    for box in (judged.truth_xyxy_px * scale).tolist():
        pen.rectangle(box, outline=TRUTH_COLOR, width=TRUTH_LINE_PX)
    boxes = (judged.found.boxes_xyxy * scale).tolist()
    for box, score in zip(boxes, judged.found.scores.tolist(), strict=True):
        if score >= threshold:
            pen.rectangle(box, outline=FOUND_COLOR, width=FOUND_LINE_PX)
            text_at = (box[0] + TRUTH_LINE_PX, box[1] + TRUTH_LINE_PX)
            pen.text(text_at, f"{score:.2f}", fill=FOUND_COLOR, font=font)
    return drawing


def choose(
    judged: Sequence[Judged], *, examples: int, worst: int, seed: int, threshold: float
) -> dict[str, int]:
    """Pictures to draw: name of the drawing and index of the picture.

    Args:
        judged: All pictures of a set.
        examples: This many at random.
        worst: This many with the lowest F1, lowest first.
        seed: Of the random ones.
        threshold: Confidence from which a found room counts.
    """
    random = np.random.default_rng(seed).permutation(len(judged))[:examples]
    f1 = np.array([count([picture], threshold=threshold).f1 for picture in judged])
    names = {f"example-{number:02d}": int(index) for number, index in enumerate(random, 1)}
    ranked = np.argsort(f1, kind="stable")[:worst]
    return names | {f"worst-{number:02d}": int(index) for number, index in enumerate(ranked, 1)}


def write_drawings(
    folder: Path,
    pictures: Sequence[PlanPicture],
    judged: Sequence[Judged],
    chosen: dict[str, int],
    *,
    threshold: float,
) -> None:
    """Write ``<name>-<picture>.png`` for each chosen picture; the folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, index in chosen.items():
        drawing = draw_judged(pictures[index], judged[index], threshold=threshold)
        drawing.save(folder / f"{name}-{pictures[index].path.stem}.png")
