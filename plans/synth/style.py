# SPDX-License-Identifier: AGPL-3.0-or-later
"""How one plan is drawn: everything that a drafting office decides once for a sheet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import font_amatic_sc
import font_caladea
import font_intuitive
import font_roboto
import font_source_serif_pro
import matplotlib as mpl

from plans.synth.words import Labeling, draw_labeling

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy as np

ColorRGB = tuple[int, int, int]


class WallStyle(StrEnum):
    """How a cut wall is filled."""

    BLACK = "black"
    GRAY = "gray"
    HOLLOW = "hollow"
    HATCHED = "hatched"
    BRICK = "brick"  # crossed hatch and courses
    INSULATED = "insulated"  # zigzag between two lines
    THIN = "thin"  # one thin line


@dataclass(frozen=True, slots=True)
class Style:
    """One drafting office's decisions.

    Attributes:
        outer_wall: Style of the outer walls.
        inner_wall: Style of the others.
        line_px: Width of an ordinary line at the drawing's resolution.
        wall_gray: Gray of filled walls where the style is gray, 0 to 255.
        door_leaf: ``arc``, ``open`` (a leaf without its arc), ``half`` (leaf at 45 degrees).
        window_lines: Lines between the jambs, 0 to 3.
        furniture: Share of the furniture that is drawn, 0 to 1.
        fixtures: Share of the fixtures that are drawn, 0 to 1.
        furniture_gray: Gray of furniture lines.
        floor_pattern: Share of rooms with a floor pattern.
        has_colored_rooms: Whether rooms are filled with colors.
        font: Typeface of the room names.
        text_m: Height of room names.
        labeling: What is written.
        unnamed: Share of rooms without a name.
        dashed_open_plan: Whether a dashed line parts the zones of an open plan.
    """

    outer_wall: WallStyle
    inner_wall: WallStyle
    line_px: int
    wall_gray: int
    door_leaf: str
    window_lines: int
    furniture: float
    fixtures: float
    furniture_gray: int
    floor_pattern: float
    has_colored_rooms: bool
    font: Path
    text_m: float
    labeling: Labeling
    unnamed: float
    dashed_open_plan: bool


@cache
def font_paths() -> tuple[Path, ...]:
    """Return the typefaces that names are written in."""
    own = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return (
        *(own / f"DejaVu{face}.ttf" for face in ("Sans", "Sans-Bold", "SansMono", "Serif")),
        *map(
            Path,
            (
                font_roboto.Roboto,
                font_roboto.RobotoLight,
                font_roboto.RobotoMedium,
                font_roboto.RobotoBold,
                font_source_serif_pro.SourceSerifPro,
                font_caladea.Caladea,
                font_amatic_sc.AmaticSC,
                font_intuitive.Intuitive,
            ),
        ),
    )


# Faces without Cyrillic, Polish or accents that a language of words.py needs.
_LATIN_ONLY = ("Caladea", "Intuitive", "SourceSerif")


def draw_style(
    rng: np.random.Generator,
    without_walls: Collection[WallStyle] = (),
    without: Collection[str] = (),
) -> Style:
    """Return one office's decisions.

    Args:
        rng: Decides.
        without_walls: Wall styles that it never uses.
        without: May hold ``furniture``, ``names`` and ``patterns``, which are then not drawn.
    """
    style = _draw_full_style(rng, without_walls)
    if "furniture" in without:
        style = replace(style, fixtures=0.0, furniture=0.0)
    if "patterns" in without:
        style = replace(style, floor_pattern=0.0, has_colored_rooms=False)
    return replace(style, unnamed=1.0) if "names" in without else style


def _draw_full_style(rng: np.random.Generator, without: Collection[WallStyle]) -> Style:
    outer = _wall_style(rng, without)
    inner = outer
    if outer is not WallStyle.THIN and rng.random() < 0.35:
        inner = _wall_style(rng, {*without, WallStyle.THIN})
    labeling = draw_labeling(rng)
    fonts = [
        path
        for path in font_paths()
        if labeling.language in ("en", "de", "it") or not any(n in path.name for n in _LATIN_ONLY)
    ]
    has_furniture = rng.random() < 0.55
    return Style(
        outer_wall=outer,
        inner_wall=inner,
        line_px=int(rng.choice([1, 2, 3], p=[0.35, 0.5, 0.15])),
        wall_gray=int(rng.integers(70, 200)),
        door_leaf=str(rng.choice(["arc", "open", "half"], p=[0.78, 0.08, 0.14])),
        window_lines=int(rng.choice([0, 1, 2, 3], p=[0.08, 0.32, 0.4, 0.2])),
        furniture=float(rng.uniform(0.3, 1.0)) if has_furniture else 0.0,
        fixtures=float(rng.uniform(0.7, 1.0)) if rng.random() < 0.92 else 0.0,
        furniture_gray=int(rng.choice([0, 0, 60, 130])),
        floor_pattern=float(rng.uniform(0.1, 0.8)) if rng.random() < 0.25 else 0.0,
        has_colored_rooms=bool(rng.random() < 0.12),
        font=fonts[int(rng.integers(len(fonts)))],
        text_m=float(rng.uniform(0.16, 0.38)),
        labeling=labeling,
        unnamed=float(rng.choice([0.0, 0.1, 1.0], p=[0.55, 0.3, 0.15])),
        dashed_open_plan=bool(rng.random() < 0.25),
    )


def _wall_style(rng: np.random.Generator, without: Collection[WallStyle]) -> WallStyle:
    weights = {
        WallStyle.BLACK: 0.36,
        WallStyle.GRAY: 0.12,
        WallStyle.HOLLOW: 0.2,
        WallStyle.HATCHED: 0.12,
        WallStyle.BRICK: 0.06,
        WallStyle.INSULATED: 0.08,
        WallStyle.THIN: 0.06,
    }
    kept = [(style, weight) for style, weight in weights.items() if style not in without]
    total = sum(weight for _, weight in kept)
    return kept[int(rng.choice(len(kept), p=[weight / total for _, weight in kept]))][0]
