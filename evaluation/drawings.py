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

    import numpy.typing as npt

    from evaluation.scoring import EvalResult
    from plans.plan_sets import Sample

TRUTH_COLOR, FOUND_COLOR, SPARED_COLOR = "#128a2e", "#e06000", "#2060d0"
PLAN_PX, SHEET_PX = 1400, 2400  # longer side of a drawing, at most
FONT_PX = 14
TRUTH_LINE_PX, FOUND_LINE_PX = 4, 2


def draw_judged(
    picture: Sample, judged: EvalResult, *, threshold: float, longest_px: int = PLAN_PX
) -> Image.Image:
    """Draw true rooms in green, found ones in orange with their confidence, spared ones in blue.

    Args:
        picture: The picture, clean.
        judged: What was found on it.
        threshold: Found rooms below this confidence are left out.
        longest_px: Longer side of the drawing, which is never larger than the picture.
    """
    with Image.open(picture.path) as opened:
        drawing = opened.convert("RGB")
    scale = min(1.0, longest_px / max(drawing.size))
    drawing = drawing.resize((round(drawing.width * scale), round(drawing.height * scale)))
    pen = ImageDraw.Draw(drawing)
    font = ImageFont.load_default(FONT_PX)
    for box in (judged.truth_xyxy_px * scale).tolist():
        pen.rectangle(box, outline=TRUTH_COLOR, width=TRUTH_LINE_PX)
    for found, color in ((judged.spared, SPARED_COLOR), (judged.found, FOUND_COLOR)):
        if found is None:
            continue
        for box, score in zip((found.boxes_xyxy * scale).tolist(), found.scores, strict=True):
            if score >= threshold:
                pen.rectangle(box, outline=color, width=FOUND_LINE_PX)
                text_at = (box[0] + TRUTH_LINE_PX, box[1] + TRUTH_LINE_PX)
                pen.text(text_at, f"{score:.2f}", fill=color, font=font)
    return drawing


def choose(
    judged: Sequence[EvalResult], *, examples: int, worst: int, seed: int, threshold: float
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
    ranked = _from_worst(judged, threshold)[:worst]
    return _numbered("example", random) | _numbered("worst", ranked)


def best_and_worst(judged: Sequence[EvalResult], each: int, *, threshold: float) -> dict[str, int]:
    """Likewise, of the highest F1 and of the lowest, ``each`` if there are as many."""
    ranked = _from_worst(judged, threshold)
    worst = ranked[:each]
    best = ranked[len(worst) :][::-1][:each]
    return _numbered("best", best) | _numbered("worst", worst)


def _from_worst(judged: Sequence[EvalResult], threshold: float) -> npt.NDArray[np.intp]:
    f1 = [count([picture], threshold=threshold).f1 for picture in judged]
    return np.argsort(f1, kind="stable")


def _numbered(what: str, indexes: npt.NDArray[np.intp]) -> dict[str, int]:
    return {f"{what}-{number:02d}": int(index) for number, index in enumerate(indexes, 1)}


def write_drawings(
    folder: Path,
    pictures: Sequence[Sample],
    judged: Sequence[EvalResult],
    chosen: dict[str, int],
    *,
    threshold: float,
    longest_px: int = PLAN_PX,
) -> None:
    """Write ``<name>-<picture>.png`` for each chosen picture; the folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, index in chosen.items():
        drawing = draw_judged(
            pictures[index], judged[index], threshold=threshold, longest_px=longest_px
        )
        drawing.save(folder / f"{name}-{pictures[index].path.stem}.png")
