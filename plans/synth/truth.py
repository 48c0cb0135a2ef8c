# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is known of the rooms of a sheet, as lines of a plan set's ``rooms.jsonl`` hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapely.geometry import LinearRing

    from plans.synth.planview import RoomPx


def rooms_of(rooms: Sequence[RoomPx], per_px: float = 1.0) -> list[dict[str, Any]]:
    """Return the rooms as JSON knows them.

    Args:
        rooms: Of a sheet.
        per_px: Lengths of the unit in which corners are told that a pixel has.

    Returns:
        One object a room: ``kind`` (a :class:`~plans.synth.floor.Kind`); ``polygon``, its corners
        with one decimal in pixels and two in other units, the first not repeated; ``holes``, if it
        has any, the same of each; and what is written in it: ``number``, ``type`` (its name) and
        ``area``, where it is.
    """
    return [_room_of(room, per_px) for room in rooms]


def _room_of(room: RoomPx, per_px: float) -> dict[str, Any]:
    texts = {"number": room.tag.number, "type": room.tag.name, "area": room.tag.area}
    written = {key: " ".join(text.split()) for key, text in texts.items() if text}
    result: dict[str, Any] = {"kind": room.kind.value, **written}
    result["polygon"] = _corners(room.shape.exterior, per_px)
    if room.shape.interiors:
        result["holes"] = [_corners(ring, per_px) for ring in room.shape.interiors]
    return result


def _corners(ring: LinearRing, per_px: float) -> list[list[float]]:
    decimals = 1 if per_px == 1.0 else 2
    return [[round(x * per_px, decimals), round(y * per_px, decimals)] for x, y in ring.coords[:-1]]
