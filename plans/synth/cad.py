# SPDX-License-Identifier: AGPL-3.0-or-later
"""How one sheet is drawn: paper, pens, letters and tags that an office keeps on all of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from plans.synth.canvas import Font, Pen
from plans.synth.lettering import STROKE_FACES, Stroke
from plans.synth.style import WallStyle, draw_style, font_paths
from plans.synth.words import read_names

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    import numpy as np

    from plans.synth.canvas import Lettering
    from plans.synth.floor import Kind
    from plans.synth.style import Style

NAMES = read_names("sheetnames.csv")
_FACES = ("DejaVuSans.ttf", "DejaVuSansMono.ttf", "Roboto-Regular.ttf", "Roboto-Light.ttf")
_WALLS = {
    WallStyle.HOLLOW: 0.42,
    WallStyle.GRAY: 0.18,
    WallStyle.BLACK: 0.24,
    WallStyle.HATCHED: 0.08,
    WallStyle.THIN: 0.04,
    WallStyle.INSULATED: 0.04,
}


@dataclass(frozen=True, slots=True)
class Cad:
    """One office's decisions for a sheet.

    Attributes:
        style: For what :mod:`plans.synth.render` draws.
        px_per_mm: Pixels of the sheet a millimeter of its paper.
        language: A key of :data:`NAMES`.
        face: A stroke face, or a file of a typeface.
        text_mm: Height of the capitals of a room's tag.
        tag: Form of the tags: ``boxed``, ``lines``, ``number``, ``table``, ``name``, ``oval``.
        tag_gray: Ink of the tags.
        line_mm: Width of an ordinary line.
        has_area: Whether a tag holds an area.
        unit: ``m2``, ``SF`` or ``plain``.
        first_number: Of the rooms.
    """

    style: Style
    px_per_mm: float
    language: str
    face: str | Path
    text_mm: float
    tag: str
    tag_gray: int
    line_mm: float
    has_area: bool
    unit: str
    first_number: int

    def pen(self, share: float = 1.0, gray: int = 0) -> Pen:
        """Return a pen of a share of the ordinary width."""
        return Pen((gray,) * 3, max(1, round(self.line_mm * share * self.px_per_mm)))

    def letters(self, height_mm: float, gray: int = 0, *, left: bool = False) -> Lettering:
        """Return letters whose capitals have a height."""
        size = max(3, round(height_mm * self.px_per_mm))
        color = (gray,) * 3
        if isinstance(self.face, str):
            width = max(1, round(0.11 * size))
            return Stroke(self.face, size, width, left=left, color=color)
        return Font(self.face, round(1.37 * size), color)

    def name(self, kind: Kind, rng: np.random.Generator) -> str:
        """Return what a room of a kind is called."""
        names = NAMES[self.language].get(kind, ("",))
        return str(names[int(rng.integers(len(names)))])


def draw_cad(
    px_per_mm: float, rng: np.random.Generator, without_walls: Collection[WallStyle] = ()
) -> Cad:
    """Return one office's decisions for a sheet of that resolution."""
    style = draw_style(rng, without_walls)
    walls = {wall: share for wall, share in _WALLS.items() if wall not in without_walls}
    outer, inner = (_pick(walls, rng) for _ in range(2))
    line_mm = float(rng.uniform(0.13, 0.4))
    gray = int(rng.choice([0, 0, 0, 60, 110]))
    style = replace(
        style,
        outer_wall=outer,
        inner_wall=outer if rng.random() < 0.65 else inner,
        line_px=max(1, round(line_mm * px_per_mm)),
        unnamed=1.0,
        has_colored_rooms=False,
        furniture=float(rng.choice([0.0, rng.uniform(0.1, 0.9)], p=[0.55, 0.45])),
        furniture_gray=int(rng.choice([0, 60, 130, 170])),
        floor_pattern=float(rng.choice([0.0, rng.uniform(0.05, 0.6)], p=[0.75, 0.25])),
        dashed_open_plan=False,
    )
    faces = [p for p in font_paths() if p.name in _FACES]
    face: str | Path = str(rng.choice(STROKE_FACES, p=[0.55, 0.15, 0.2, 0.1]))
    if rng.random() < 0.5:
        face = faces[int(rng.integers(len(faces)))]
    tags = ("boxed", "lines", "number", "table", "name", "oval")
    language = str(rng.choice(tuple(NAMES), p=[0.5, 0.25, 0.15, 0.1]))
    return Cad(
        style=style,
        px_per_mm=px_per_mm,
        language=language,
        face=face,
        text_mm=float(rng.uniform(1.7, 4.2)),
        tag=str(rng.choice(tags, p=[0.34, 0.3, 0.14, 0.07, 0.08, 0.07])),
        tag_gray=gray,
        line_mm=line_mm,
        has_area=bool(rng.random() < 0.4),
        unit="SF" if language == "en" else str(rng.choice(["m2", "plain"])),
        first_number=int(rng.integers(1, 10)) * int(rng.choice([1, 10, 100, 1000])),
    )


def _pick(walls: dict[WallStyle, float], rng: np.random.Generator) -> WallStyle:
    at = rng.uniform(0, sum(walls.values()))
    for wall, share in walls.items():
        at -= share
        if at <= 0:
            return wall
    return WallStyle.BLACK
