# SPDX-License-Identifier: AGPL-3.0-or-later
"""The fields of ``supervision.Detections``, without its packages. Needs NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from roomdet_client.exports.page import LABEL

if TYPE_CHECKING:
    from roomdet_client.answers import Detection


def fields(detection: Detection, width: float, height: float) -> dict[str, Any]:
    """Arguments for ``supervision.Detections(**fields)``.

    Args:
        detection: An answer.
        width: Of the picture that boxes are wanted on, in pixels.
        height: The same.

    Returns:
        ``xyxy`` float32 ``(n, 4)`` in pixels, ``confidence`` float32 ``(n,)``, ``class_id`` int
        ``(n,)``, and ``data`` with ``class_name`` and ``id``; with ``name`` (empty where there is
        none) and ``area_m2`` (NaN where it is not known) where ``include`` asked for them.
    """
    import numpy as np  # noqa: PLC0415  # supervision's callers have it

    grid = np.array([room.box_xyxy_grid for room in detection.rooms], np.float32).reshape(-1, 4)
    count = len(detection.rooms)
    data = {
        "class_name": np.array([LABEL] * count),
        "id": np.array([room.id for room in detection.rooms]),
    }
    included = {word for room in detection.rooms for word in room.included}
    if "name" in included:
        data["name"] = np.array([room.name_hint or "" for room in detection.rooms])
    if "area" in included:
        areas = [room.area.m2 if room.area else np.nan for room in detection.rooms]
        data["area_m2"] = np.array(areas, np.float32)
    return {
        "xyxy": grid * np.array([width, height, width, height], np.float32) / 1000,
        "confidence": np.array([room.confidence for room in detection.rooms], np.float32),
        "class_id": np.zeros(count, int),
        "data": data,
    }
