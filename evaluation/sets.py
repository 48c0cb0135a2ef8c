# SPDX-License-Identifier: AGPL-3.0-or-later
"""The sets that are evaluated: which pictures, and how they are asked for and judged."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from evaluation.mosaics import write_mosaics
from plans.plan_sets import Sample, evenly_thinned, named_set, read_plan_set

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Kind(StrEnum):
    """What a set holds.

    Plans are asked for several at once and judged on corrupted pages, too. Sheets are asked for one
    at a time, because their seconds and memory are told, and may have 1000 rooms. Partial sheets
    are labeled in part: see :func:`evaluation.sheets.near_labels`.
    """

    PLANS = "plans"
    SHEETS = "sheets"
    PARTIAL_SHEETS = "partial-sheets"


@dataclass(frozen=True, slots=True)
class NamedSet:
    """A set as the command line names it.

    Attributes:
        name: As the reports call it.
        folder: A plan set (:mod:`plans.plan_sets`).
        prefix: Only pictures whose file name starts so.
        kind: What it holds.
    """

    name: str
    folder: Path
    prefix: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class LabeledSet:
    """A set with its pictures."""

    name: str
    kind: Kind
    pictures: Sequence[Sample]


def parse_set(text: str) -> NamedSet:
    """Take ``NAME=DIR[:PREFIX][@KIND]`` of a command line apart; the kind is plans unless said.

    Raises:
        argparse.ArgumentTypeError: If it is written otherwise, or there is no such kind.
    """
    place, has_kind, kind = text.rpartition("@")
    if not has_kind:
        return NamedSet(*named_set(text), Kind.PLANS)
    if kind not in list(Kind):
        raise argparse.ArgumentTypeError(
            f"{text!r}: a set is @{', @'.join(Kind)}, not @{kind}; plans where nothing is said"
        )
    return NamedSet(*named_set(place), Kind(kind))


def read_set(named: NamedSet, at_most: int | None) -> LabeledSet:
    """Read a set, or evenly spread pictures of it.

    Raises:
        DataError: If it has no picture, or a label is missing or malformed.
    """
    pictures = list(read_plan_set(named.folder, prefix=named.prefix).samples)
    chosen = evenly_thinned(pictures, at_most) if at_most else pictures
    return LabeledSet(named.name, named.kind, chosen)


def mosaic_set(
    named: NamedSet, plans_a_sheet: int, folder: Path, at_most: int | None
) -> LabeledSet:
    """Make sheets of a set's plans; none if it has too few.

    Args:
        named: A set of plans.
        plans_a_sheet: A square number.
        folder: Where the sheets are written.
        at_most: Only so many sheets, spread over all.
    """
    name = f"{named.name}-mosaic-{plans_a_sheet}"
    plans = list(read_plan_set(named.folder, prefix=named.prefix).samples)
    sheets = write_mosaics(plans, plans_a_sheet, folder / name, at_most)
    return LabeledSet(name, Kind.SHEETS, sheets)
