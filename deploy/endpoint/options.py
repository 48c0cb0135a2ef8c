# SPDX-License-Identifier: AGPL-3.0-or-later
"""Options of one request (docs/api.md), and the values that they take."""

from __future__ import annotations

REQUEST_OPTIONS = {
    "confidence": float,
    "iou": float,
    "max_rooms": int,
    "page": int,
    "detail": str,
    "include": str,
    "scale": str,
}
