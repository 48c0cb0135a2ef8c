# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tables and paragraphs, for documents and for the terminal."""

from __future__ import annotations

import textwrap
from typing import TypeAlias

TEXT_WIDTH = 100
Rows: TypeAlias = list[list[str]]


def as_markdown(rows: Rows) -> str:
    """A table for a document; the first row is its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def as_text_table(rows: Rows) -> str:
    """A table for a terminal; columns are aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def wrapped(text: str) -> str:
    """A paragraph in lines of at most :data:`TEXT_WIDTH` characters."""
    return textwrap.fill(text, TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)
