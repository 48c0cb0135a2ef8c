# SPDX-License-Identifier: AGPL-3.0-or-later
"""Documents as tables for people (``--output table``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def as_table(document: Any) -> str:
    """A document for people: a row for each entry of a list, a line for each key of another."""
    if not isinstance(document, list):
        return _columns([(key, _cell(value)) for key, value in document.items()])
    if not document:
        return "none"
    keys = list(dict.fromkeys(key for entry in document for key in entry))
    rows = [[_cell(entry.get(key)) for key in keys] for entry in document]
    return _columns([[key.upper() for key in keys], *rows])


def _cell(value: Any) -> str:
    if value is None or value in ({}, []):
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{key}={_cell(entry)}" for key, entry in value.items())
    return ", ".join(map(_cell, value)) if isinstance(value, list) else str(value)


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)
