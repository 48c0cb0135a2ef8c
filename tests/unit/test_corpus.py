# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whatever a picture is stored as, its pixels are right or it is refused by name.

One picture of each layout and compression; ``make corpus`` tries all.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests import corpus
from tests.corpus.case import Case, Outcome, outcome
from tests.corpus.table import Table, written

# As the reader sets for the process; pytest puts filters of its own around every test.
pytestmark = pytest.mark.filterwarnings("ignore:::PIL[.]")

DOCUMENT: Final = Path(__file__).parents[2] / "docs/api.md"


@cache
def outcomes() -> list[tuple[Case, Outcome]]:
    """The small form of the corpus, tried once."""
    return [(case, outcome(case)) for case in corpus.cases(is_whole=False)]


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "JPEG", "BMP", "WebP", "GIF"])
def test_pixels_are_right_or_the_layout_is_named(kind: str) -> None:
    """No wrong pixels, and nothing that is not damaged is called so."""
    wrong = {
        str(case): found.message
        for case, found in outcomes()
        if case.kind == kind and found.verdict == "wrong"
    }

    assert wrong == {}


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "JPEG", "BMP", "WebP", "GIF"])
def test_another_library_sees_the_same(kind: str) -> None:
    """Most pictures of a kind are also compared with what somebody else makes of the file."""
    read = [found for case, found in outcomes() if case.kind == kind and found.verdict == "read"]

    assert sum(found.compared_with_other for found in read) >= {"TIFF": 500, "PNG": 15}.get(kind, 2)


def test_document_says_what_is_read() -> None:
    """The table of docs/api.md is of what was tried; ``make corpus`` writes it."""
    table = Table()
    for case, found in outcomes():
        table.add(case, found)

    assert written(DOCUMENT) == str(table)


def test_wrong_pixels_are_noticed() -> None:
    """A picture that is read otherwise than it was drawn, or than others read it."""
    case = next(
        case for case, found in outcomes() if found.compared_with_other and not case.is_lossy
    )
    other = np.full_like(case.shown, 77)

    assert outcome(replace(case, shown=other)).verdict == "wrong"
    assert outcome(replace(case, decode=lambda _: other)).verdict == "wrong"
