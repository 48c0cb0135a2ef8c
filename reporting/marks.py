# SPDX-License-Identifier: AGPL-3.0-or-later
"""Blocks that a program writes: ``<!-- figures:NAME -->`` to ``<!-- /figures -->``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FIGURES = "figures"


def fill(document: str, blocks: Mapping[str, Callable[[], str]], kind: str = FIGURES) -> str:
    """A document with each block written anew.

    Args:
        document: Markdown.
        blocks: What writes the block of a name; only those that the document has are asked.
        kind: Of the blocks, the word before their names; others are left as they are, so that
            programs can share a document.

    Raises:
        KeyError: If the document has a block that nothing writes.
    """
    return _block(kind).sub(lambda found: found[1] + blocks[found[2]]() + found[3], document)


def names(document: str, kind: str = FIGURES) -> set[str]:
    """Names of the blocks that a document has."""
    return {name for _, name, _ in _block(kind).findall(document)}


def _block(kind: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {kind}:([a-z-]+) -->\n).*?(\n<!-- /{kind} -->)", re.DOTALL)
