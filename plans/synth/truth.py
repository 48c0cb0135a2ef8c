# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is known of the rooms of a sheet, as lines of a plan set's ``rooms.jsonl`` hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shapely.geometry import LinearRing

    from plans.synth.planview import RoomPx


def rooms_of(rooms: Sequence[RoomPx]) -> list[dict[str, Any]]:
    """Return the rooms as JSON knows them.

    Returns:
        One object a room: ``kind`` (a :class:`~plans.synth.floor.Kind`); ``polygon``, its corners
        in pixels with one decimal, the first not repeated; ``holes``, if it has any, the same of
        each; and what is written in it: ``number``, ``type`` (its name) and ``area``, where it is.
    """
    return [_room_of(room) for room in rooms]


def _room_of(room: RoomPx) -> dict[str, Any]:
    texts = {"number": room.tag.number, "type": room.tag.name, "area": room.tag.area}
    written = {key: " ".join(text.split()) for key, text in texts.items() if text}
    result: dict[str, Any] = {"kind": room.kind.value, **written}
    result["polygon"] = _corners(room.shape.exterior)
    if room.shape.interiors:
        result["holes"] = _rings(room.shape.interiors)
    return result


def _rings(rings: Iterable[LinearRing]) -> list[list[list[float]]]:
    return [_corners(ring) for ring in rings]


def _corners(ring: LinearRing) -> list[list[float]]:
    return [[round(x, 1), round(y, 1)] for x, y in ring.coords[:-1]]
