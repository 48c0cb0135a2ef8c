# SPDX-License-Identifier: AGPL-3.0-or-later
"""What draftsmen write into rooms, in several languages."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plans.synth.floor import Kind

if TYPE_CHECKING:
    import numpy as np


def read_names(file: str = "names.csv") -> dict[str, dict[Kind, tuple[str, ...]]]:
    r"""Return the names of each kind in each language, from a table beside this file.

    A cell holds names parted by semicolons; ``\n`` in a name starts a new line.
    """
    with Path(__file__).with_name(file).open(encoding="utf-8", newline="") as table:
        return {
            row.pop("language"): {
                Kind(kind): tuple(cell.replace(r"\n", "\n").split(";"))
                for kind, cell in row.items()
            }
            for row in csv.DictReader(table)
        }


NAMES = read_names()
LANGUAGES = tuple(NAMES)

_NOTES = (
    "ALL DIMENSIONS IN MM UNLESS NOTED",
    "DO NOT SCALE FROM THIS DRAWING",
    "Approx. gross internal area 912 sq ft",
    "For identification purposes only",
    "CHECK ALL LEVELS ON SITE",
    "Pohjapiirros 1:100",
    "Erdgeschoss M 1:50",
    "FIRST FLOOR PLAN",
    "Second Floor",
    "3H+K+S 78,5 m²",
    "2H + KT 52.0 m²",
    "Plan du rez-de-chaussée",
    "WALL TYPE A: 100 mm BLOCK",
    "SEE SECTION A-A",
    "План 1 этажа",
    "REV B ISSUED FOR TENDER",
)


@dataclass(frozen=True, slots=True)
class Labeling:
    """What is written into each room of one plan.

    Attributes:
        language: A key of :data:`NAMES`.
        is_upper: Names in capitals.
        area: Form of the area line: ``m2``, ``metric``, ``feet``, ``plain`` or none.
        numbers: Room numbers instead of names.
    """

    language: str
    is_upper: bool
    area: str | None
    numbers: bool

    def label(
        self, kind: Kind, size_wh_m: tuple[float, float], area_m2: float, rng: np.random.Generator
    ) -> str:
        """Return the lines of one room's label."""
        names = NAMES[self.language].get(kind, ("",))
        name = str(int(rng.integers(1, 400))) if self.numbers else str(rng.choice(names))
        if self.is_upper:
            name = name.upper()
        width, depth = size_wh_m
        match self.area:
            case "m2":
                return f"{name}\n{area_m2:.1f} m²"
            case "plain":
                return f"{name}\n{area_m2:.1f}"
            case "metric":
                return f"{name}\n{width:.2f} x {depth:.2f}"
            case "feet":
                return f"{name}\n{_feet(width)} x {_feet(depth)}"
            case _:
                return name


def _feet(length_m: float) -> str:
    inches = round(length_m / 0.0254)
    return f"{inches // 12}'{inches % 12}\""


def draw_labeling(rng: np.random.Generator) -> Labeling:
    """Return how one plan is labeled."""
    forms = ("m2", "plain", "metric", "feet", None)
    form = forms[int(rng.choice(5, p=[0.25, 0.1, 0.15, 0.15, 0.35]))]
    languages = rng.choice(LANGUAGES, p=_language_shares())
    return Labeling(str(languages), bool(rng.random() < 0.35), form, bool(rng.random() < 0.07))


def _language_shares() -> list[float]:
    weights = {"en": 3.0, "fi": 2.5}
    shares = [weights.get(language, 0.7) for language in LANGUAGES]
    return [share / sum(shares) for share in shares]


def draw_word(labeling: Labeling, rng: np.random.Generator) -> str:
    """Return the name of any kind of room, as it stands in a legend or on a cover."""
    kinds = [names for names in NAMES[labeling.language].values() if names != ("",)]
    name = str(rng.choice(kinds[int(rng.integers(len(kinds)))]))
    return name.upper() if labeling.is_upper else name


def draw_note(rng: np.random.Generator) -> str:
    """Return one line of small print."""
    return str(rng.choice(_NOTES))
