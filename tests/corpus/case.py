# SPDX-License-Identifier: AGPL-3.0-or-later
"""One picture of the corpus, and what comes of reading it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from roomdet.config import Limits
from roomdet.errors import RequestError
from roomdet.images import read_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomdet.geometry import Pixels

Verdict = Literal["read", "refused", "wrong"]
# Rounding: programs scale and lay over white with one digit more or less.
EXACT = 2.0
# Of lossy compression the mean difference to what was drawn counts.
LOSSY = 8.0


@dataclass(frozen=True, slots=True)
class Case:
    """A picture.

    Attributes:
        kind: Of file, as in ``docs/api.md``.
        layout: Color, bits and alpha, likewise.
        compression: Likewise.
        variant: What else tells it from others.
        data: The file.
        shown: What a person sees, uint8 RGB, upright.
        decode: What another library makes of the file, likewise; raises where it cannot.
        is_lossy: Whether its compression is.
        is_small: Whether the small form of the corpus has it.
        page: The page to read.
    """

    kind: str
    layout: str
    compression: str
    variant: str
    data: bytes
    shown: Pixels
    decode: Callable[[bytes], Pixels] | None = None
    is_lossy: bool = False
    is_small: bool = False
    page: int = 1

    def __str__(self) -> str:
        return "-".join(filter(None, [self.kind, self.layout, self.compression, self.variant]))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a picture.

    Attributes:
        verdict: ``wrong`` for pixels that differ, and for an error that says nothing of the layout.
        message: Of the error, or how much the pixels differ.
        compared_with_other: Whether the other library read it, too.
    """

    verdict: Verdict
    message: str = ""
    compared_with_other: bool = False


def outcome(case: Case) -> Outcome:
    """Read a picture and compare its pixels."""
    data = case.data
    try:
        page = read_page(data, page=case.page, side_px=max(case.shown.shape[:2]), limits=Limits())
    except RequestError as err:
        is_named = err.status == 400 and "damaged" not in str(err)
        return Outcome("refused" if is_named else "wrong", str(err))
    difference = _difference(page.pixels, case.shown, is_lossy=case.is_lossy)
    if difference > (LOSSY if case.is_lossy else EXACT):
        return Outcome("wrong", f"{difference:.1f} from what was drawn")
    other = _other(case, data)
    if other is None:
        return Outcome("read")
    difference = _difference(page.pixels, other, is_lossy=case.is_lossy)
    if difference > (LOSSY / 2 if case.is_lossy else EXACT):
        return Outcome("wrong", f"{difference:.1f} from the other library")
    return Outcome("read", compared_with_other=True)


def _other(case: Case, data: bytes) -> Pixels | None:
    """What another library makes of a picture; None where it cannot read it."""
    if case.decode is None:
        return None
    try:
        return case.decode(data)
    except Exception:  # noqa: BLE001  # whatever it is that the other library does not like
        return None


def _difference(found: Pixels, expected: Pixels, *, is_lossy: bool) -> float:
    """Largest difference of samples, or of lossy pictures the mean one."""
    if found.shape != expected.shape:
        return float("inf")
    differences = np.abs(found.astype(int) - expected)
    return float(differences.mean() if is_lossy else differences.max())
