# SPDX-License-Identifier: AGPL-3.0-or-later
"""A table of all rooms."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from roomdet_client.exports.page import facts_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from roomdet_client.exports.page import ExportPage

COLUMNS = ("file", "page", "id", "x_min", "y_min", "x_max", "y_max", "confidence",
           "unit", "left", "top", "right", "bottom", "name", "area_m2", "scale",
           "scale_source")  # fmt: skip


_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that spreadsheets compute


def _as_text(value: object) -> object:
    """A cell that no spreadsheet takes for a formula: names are what somebody wrote on a plan."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def text(pages: Sequence[ExportPage]) -> str:
    """A line a room: its box in thousandths, and in points or pixels from the page's top left.

    Name and area are empty where they are not known or were not asked for.
    """
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(COLUMNS)
    for page in pages:
        for room in page.rooms:
            shown = (round(value, 2) for value in page.sheet.shown(room.box_xyxy_grid))
            facts = facts_of(room)
            more = [facts.get(name, "") for name in ("name", "area_m2", "scale", "scale_source")]
            row = (page.file, page.page, room.id, *room.box_xyxy_grid, room.confidence,
                   page.sheet.unit, *shown, *more)  # fmt: skip
            table.writerow(map(_as_text, row))
    return file.getvalue()


def write(pages: Sequence[ExportPage], folder: Path) -> None:
    """Write ``rooms.csv``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rooms.csv").write_text(text(pages), "utf-8", errors="backslashreplace")
