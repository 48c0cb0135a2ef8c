# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pictures in every layout that can be written, read by us and by another library.

``make corpus`` tries all of them and rewrites the table in ``docs/api.md``;
``tests/unit/test_corpus.py`` tries one of each layout and compression. See
docs/decisions/0029-a-corpus.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.corpus import pngs, rasters, tiffs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.corpus.case import Case


def cases(*, is_whole: bool) -> Iterator[Case]:
    """All pictures, or one of each kind, layout and compression."""
    for kind in (pngs, rasters, tiffs):
        yield from kind.cases(is_whole=is_whole)
