# SPDX-License-Identifier: AGPL-3.0-or-later
"""Names of rooms are judged by what their labels say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from evaluation.names import judge
from roomdet.geometry import Detections
from roomdet.ocr import Reading
from roomdet.texts import TextLine

if TYPE_CHECKING:
    from pathlib import Path

    from roomdet.geometry import Boxes, Pixels

ROOMS = [
    {"type": kind, "polygon": [[x, 0], [x + 100, 0], [x + 100, 100], [x, 100]]}
    for x, kind in ((0, "FLÄKTRUM"), (100, "KONTOR"), (200, "TOALETT"), (300, "HISS"), (400, None))
]


class Read:
    """Has read this, whatever it is shown."""

    def __init__(self, *texts: tuple[str, int]) -> None:
        self.lines = [
            TextLine(text, ((x + 20) / 500, 0.4, (x + 80) / 500, 0.5), confidence=0.9)
            for text, x in texts
        ]

    def read_lines(self, _pixels: Pixels, _boxes: Boxes, *, ends_s: float) -> Reading:
        """Say it."""
        assert ends_s > 0
        return Reading(self.lines)


def test_names_are_right_wrong_or_none(tmp_path: Path) -> None:
    """Case and accents do not count; what no line resembles is not written."""
    path = tmp_path / "sheet.png"
    Image.new("RGB", (500, 100), "white").save(path)
    read = Read(("fläktrum EI60", 0), ("RONTOR", 100), ("5505", 200), ("LAGER", 400))

    rows = list(judge(read, path, ROOMS, None))  # type: ignore[arg-type]  # it reads like one

    assert [(row["type"], row["is"], row["is_written"]) for row in rows] == [
        ("FLÄKTRUM", "right", True),
        ("KONTOR", "wrong", True),
        ("TOALETT", "none", False),
        ("HISS", "none", False),
    ]


def test_only_found_rooms_are_judged(tmp_path: Path) -> None:
    """Those that a box of enough confidence covers."""
    path = tmp_path / "sheet.png"
    Image.new("RGB", (500, 100), "white").save(path)
    boxes: Boxes = np.array([[0, 0, 0.2, 1], [0.2, 0, 0.4, 1], [0.5, 0, 1, 1]], np.float32)
    found = Detections(boxes, np.array([0.9, 0.1, 0.8], np.float32))

    rows = list(judge(Read(("FLAKTRUM", 0)), path, ROOMS, found))  # type: ignore[arg-type]

    assert [(row["name"], row["is"]) for row in rows] == [("FLAKTRUM", "right")]
