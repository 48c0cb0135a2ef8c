# SPDX-License-Identifier: AGPL-3.0-or-later
"""What two answers to one page have in common. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet_client.answers import Room

# COCO's threshold for one room being another.
MATCH_IOU = 0.5
# What rounding to thousandths may do to a room of 3 % of the page, and to a confidence.
SAME_IOU = 0.9
SAME_CONFIDENCE = 0.05


@dataclass(frozen=True)
class Changes:
    """Rooms of two answers, ``a`` and ``b``.

    Attributes:
        same: Pairs whose boxes and confidences are nearly equal.
        moved: Pairs that are one room with another box.
        doubted: Pairs with nearly the same box and another confidence.
        only_a: Rooms without a partner.
        only_b: The same.
        renamed: Those of the pairs of which both have a name, and another one.
    """

    same: tuple[tuple[Room, Room], ...]
    moved: tuple[tuple[Room, Room], ...]
    doubted: tuple[tuple[Room, Room], ...]
    only_a: tuple[Room, ...]
    only_b: tuple[Room, ...]
    renamed: tuple[tuple[Room, Room], ...] = ()

    @property
    def any(self) -> bool:
        """Whether anything is different."""
        return bool(self.moved or self.doubted or self.only_a or self.only_b or self.renamed)

    def as_json(self) -> dict[str, Any]:
        """For programs: how many are the same, and each that is not."""

        def pairs(which: Sequence[tuple[Room, Room]]) -> list[dict[str, Any]]:
            return [{"a": _as_json(one), "b": _as_json(other), "iou": round(iou(one, other), 3)}
                    for one, other in which]  # fmt: skip

        return {
            "same": len(self.same),
            "moved": pairs(self.moved),
            "confidence": pairs(self.doubted),
            "renamed": pairs(self.renamed),
            "only_a": [_as_json(room) for room in self.only_a],
            "only_b": [_as_json(room) for room in self.only_b],
        }


def _as_json(room: Room) -> dict[str, Any]:
    name = {"name_hint": room.name_hint} if "name" in room.included else {}
    return {"bounding_box": list(room.box_xyxy_grid), "confidence": room.confidence, **name}


def iou(one: Room, other: Room) -> float:
    """Intersection over union of two rooms' boxes, 0 to 1."""
    a, b = one.box_xyxy_grid, other.box_xyxy_grid
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    common = max(width, 0) * max(height, 0)
    areas = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (a, b))
    return common / (areas - common) if common else 0.0


def find_changes(a: Sequence[Room], b: Sequence[Room]) -> Changes:
    """Pair the rooms of two answers, those that overlap most first."""
    overlaps = sorted(
        (
            (overlap, first, second)
            for first, one in enumerate(a)
            for second, other in enumerate(b)
            if (overlap := iou(one, other)) >= MATCH_IOU
        ),
        key=lambda found: (-found[0], found[1], found[2]),
    )
    left_a, left_b = set(range(len(a))), set(range(len(b)))
    same: list[tuple[Room, Room]] = []
    moved: list[tuple[Room, Room]] = []
    doubted: list[tuple[Room, Room]] = []
    for overlap, first, second in overlaps:
        if first in left_a and second in left_b:
            left_a.remove(first)
            left_b.remove(second)
            pair = (a[first], b[second])
            differs = abs(pair[0].confidence - pair[1].confidence) >= SAME_CONFIDENCE
            kind = moved if overlap < SAME_IOU else doubted if differs else same
            kind.append(pair)
    renamed = tuple(
        (one, other)
        for one, other in (*same, *moved, *doubted)
        if one.name_hint and other.name_hint and one.name_hint != other.name_hint
    )
    return Changes(
        tuple(same), tuple(moved), tuple(doubted), tuple(a[i] for i in sorted(left_a)),
        tuple(b[i] for i in sorted(left_b)), renamed,
    )  # fmt: skip
