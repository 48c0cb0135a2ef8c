# SPDX-License-Identifier: AGPL-3.0-or-later
"""YOLO's folders, as ultralytics and ``make train`` take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomdet_client.exports.page import LABEL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from roomdet_client.exports.page import ExportPage
    from roomdet_client.sheet import Box

# Without `path`, ultralytics looks beside the file.
_DATA = f"""train: images
val: images
names:
  0: {LABEL}
"""


def line(box_xyxy_grid: Box) -> str:
    """A label: class, center, width and height as fractions of the page."""
    x0, y0, x1, y1 = (value / 1000 for value in box_xyxy_grid)
    return f"0 {(x0 + x1) / 2:.5f} {(y0 + y1) / 2:.5f} {x1 - x0:.5f} {y1 - y0:.5f}\n"


def write(pages: Sequence[ExportPage], folder: Path) -> None:
    """Write ``images/``, ``labels/`` and ``data.yaml``; a page without rooms has an empty label."""
    labels = folder / "labels"
    labels.mkdir(parents=True, exist_ok=True)
    for page in pages:
        page.picture().write(folder / "images")
        lines = "".join(line(room.box_xyxy_grid) for room in page.rooms)
        (labels / f"{page.stem}.txt").write_text(lines, "utf-8")
    (folder / "data.yaml").write_text(_DATA, "utf-8")
