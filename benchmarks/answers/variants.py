# SPDX-License-Identifier: AGPL-3.0-or-later
"""The variants that are compared: a look and a merge, each by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from benchmarks.answers import looks as see
from benchmarks.answers.merges import (
    demote_containers,
    demote_covered,
    distant,
    fused,
    soft,
    suppressed,
    then,
    voted,
)
from benchmarks.answers.views import ALL_VIEWS, FLIPS, MIRRORED, TURNS, UPRIGHT

if TYPE_CHECKING:
    from collections.abc import Collection

    from benchmarks.answers.looks import Look
    from benchmarks.answers.merges import Merge

ONCE = "rectangle, nms 0.45"  # what is served with zoom_below_px: 0
SERVED = "closer below 90, nms 0.45"
VOTED = "nms 0.6 voted 0.7"
MANY = ("+", "2 mirrored", "flips", "turns", "views")  # in the names of looks of several passes


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to answer.

    Attributes:
        look: Key of :func:`all_looks`.
        merge: Key of :func:`all_merges`.
    """

    look: str
    merge: str

    @property
    def name(self) -> str:
        """Such as ``rectangle, nms 0.45``."""
        return f"{self.look}, {self.merge}"


def all_looks(side_px: int) -> dict[str, Look]:
    """Every look by name.

    Args:
        side_px: What the network was exported for.
    """
    smaller, larger, largest = (round(side_px * f / 32) * 32 for f in (0.8, 1.2, 1.5))
    page, small = see.letterboxed(side_px), see.letterboxed(smaller)
    bigger = see.letterboxed(larger)
    mirrored = {side: see.turned(side, (MIRRORED,)) for side in (smaller, side_px, larger)}
    two, four = (UPRIGHT, MIRRORED), FLIPS
    return {
        "rectangle": see.on_rectangle(side_px),
        **{f"closer below {px}": see.closer(side_px, px) for px in (70, 90, 110)},
        "page": page,
        f"page at {smaller}": small,
        f"page at {larger}": bigger,
        f"page at {largest}": see.letterboxed(largest),
        f"page at {2 * side_px}": see.letterboxed(2 * side_px),
        f"rectangle at {larger}": see.on_rectangle(larger),
        f"rectangle at {largest}": see.on_rectangle(largest),
        f"rectangle at {2 * side_px}": see.on_rectangle(2 * side_px),
        "stretched": see.stretched(side_px),
        "enlarged bicubic": see.enlarged(side_px, Image.Resampling.BICUBIC),
        "enlarged box": see.enlarged(side_px, Image.Resampling.BOX),
        "not enlarged": see.not_enlarged(side_px),
        "ink": see.cropped(side_px),
        **{
            name: see.cropped(side, as_rectangle=True)
            for name, side in (
                ("ink rectangle", side_px),
                (f"ink rectangle at {smaller}", smaller),
                (f"ink rectangle at {larger}", larger),
            )
        },
        **{
            f"ink rectangle + mirrored {side}": see.together(
                [
                    see.cropped(side_px, as_rectangle=True),
                    see.cropped(side, as_rectangle=True, view=MIRRORED),
                ]
            )
            for side in (smaller, side_px, larger)
        },
        **{
            f"{'page + ' if with_first else ''}fitted {room_px}": see.fitted(
                side_px, room_px, with_first=with_first
            )
            for room_px in (80, 100, 120)
            for with_first in (False, True)
        },
        "rectangle + fitted 100": see.fitted(side_px, 100, with_first=True, as_rectangle=True),
        "page + ink": see.together([page, see.cropped(side_px)]),
        f"{smaller} + page": see.together([small, page]),
        f"page + {larger}": see.together([page, bigger]),
        f"{smaller} + page + {larger}": see.together([small, page, bigger]),
        f"page + mirrored {smaller}": see.together([page, mirrored[smaller]]),
        f"page + mirrored {larger}": see.together([page, mirrored[larger]]),
        f"{smaller} + mirrored page + {larger}": see.together([small, mirrored[side_px], bigger]),
        "2 mirrored": see.turned(side_px, two),
        "4 flips": see.turned(side_px, four),
        "4 turns": see.turned(side_px, TURNS),
        "8 views": see.turned(side_px, ALL_VIEWS),
        "mean of 2 mirrored": see.averaged(side_px, two),
        "mean of 4 flips": see.averaged(side_px, four),
        f"mean of 2 mirrored at {smaller}": see.averaged(smaller, two),
        f"mean of 2 mirrored at {larger}": see.averaged(larger, two),
        f"tiles of {2 * side_px}": see.tiled(side_px, 2 * side_px),
        f"tiles of {3 * side_px}": see.tiled(side_px, 3 * side_px),
        f"tiles of {4 * side_px}": see.tiled(side_px, 4 * side_px),
    }


def all_merges() -> dict[str, Merge]:
    """Every merge by name."""
    nms = suppressed(0.6)
    return {
        **{f"nms {iou}": suppressed(iou) for iou in (0.45, 0.5, 0.6, 0.7)},
        "soft 0.5": soft(0.5),
        "soft 0.5 to 0.7": soft(0.5, iou=0.7),
        "distance nms 0.6": distant(0.6),
        VOTED: voted(0.6, voters_iou=0.7),
        "nms 0.45 voted 0.7": voted(0.45, voters_iou=0.7),
        "nms 0.6 voted 0.85": voted(0.6, voters_iou=0.85),
        "covered 0.9 x 0.5": then(nms, demote_covered(0.9, 0.5)),
        "covered 0.7 x 0.5": then(nms, demote_covered(0.7, 0.5)),
        "containers 2 x 0.5": then(nms, demote_containers(2, 0.6, 0.5)),
        "containers 2 x 0": then(nms, demote_containers(2, 0.6, 0)),
        "fused 0.5": fused(0.5),
        "fused 0.6": fused(0.6),
    }


def all_variants(side_px: int) -> list[Variant]:
    """What is compared: every merge of a single look, and some merges of every other one."""
    variants = [Variant("rectangle", merge) for merge in all_merges()]
    for look in list(all_looks(side_px))[1:]:
        merges = ["nms 0.6", VOTED]
        if look == "page" or look.startswith(("rectangle at", "closer")):
            merges += ["nms 0.45"]
        elif look.startswith("tiles"):
            merges += ["nms 0.45", "covered 0.9 x 0.5", "containers 2 x 0"]
        elif not look.startswith("mean") and any(word in look for word in MANY):
            merges = [VOTED, "fused 0.6"]
        variants += [Variant(look, merge) for merge in merges]
    return variants


def is_telling(variant: Variant, page_sides_px: Collection[int], side_px: int) -> bool:
    """Whether a variant can differ from a single look, given the longer sides of the pages."""
    if variant.look.startswith("tiles"):
        return max(page_sides_px) > side_px
    if "enlarged" in variant.look:
        return min(page_sides_px) < side_px
    return True
