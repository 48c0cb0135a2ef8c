# SPDX-License-Identifier: AGPL-3.0-or-later
"""Blocks that a program writes: ``<!-- figures:NAME -->`` to ``<!-- /figures -->``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BLOCK = re.compile(r"(<!-- figures:([a-z-]+) -->\n).*?(\n<!-- /figures -->)", re.DOTALL)


def fill(document: str, blocks: Mapping[str, Callable[[], str]]) -> str:
    """A document with each block written anew.

    Args:
        document: Markdown.
        blocks: What writes the block of a name; only those that the document has are asked.

    Raises:
        KeyError: If the document has a block that nothing writes.
    """
    return _BLOCK.sub(lambda found: found[1] + blocks[found[2]]() + found[3], document)


def names(document: str) -> set[str]:
    """Names of the blocks that a document has."""
    return {name for _, name, _ in _BLOCK.findall(document)}
