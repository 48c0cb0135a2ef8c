# SPDX-License-Identifier: AGPL-3.0-or-later
"""The table of ``docs/api.md``: what is read and what is refused, by what was tried."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.corpus.case import Case, Outcome

_START, _END = "<!-- corpus -->\n", "<!-- /corpus -->"
_HEAD = "| kind | bits a sample: pixels | read | refused by name |\n|---|---|---|---|\n"
# Color, bits, and what else there is to them.
_LAYOUT = re.compile(r"(.*?), (\d+)-bit(.*)")


class Table:
    """Which compressions of each kind and layout are read, and which are refused."""

    def __init__(self) -> None:
        self._cells: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(
            lambda: defaultdict(set)
        )

    def add(self, case: Case, outcome: Outcome) -> None:
        """Take note of a picture."""
        self._cells[case.kind, case.layout][outcome.verdict].add(case.compression)

    def __str__(self) -> str:
        # What is read and refused alike shares a row: numbers of bits of a color, then colors.
        rows: dict[tuple[str, str, str], dict[str, list[str]]] = {}
        for (kind, layout), cells in self._cells.items():
            parts = _LAYOUT.fullmatch(layout)
            assert parts, layout
            color, bits, more = parts.groups()
            key = kind, _listed(cells["read"]), _refused(cells)
            rows.setdefault(key, {}).setdefault(color + more.replace(",", " +"), []).append(bits)
        return _HEAD + "".join(
            f"| {kind} | {'; '.join(_pixels(colors))} | {read} | {refused} |\n"
            for (kind, read, refused), colors in rows.items()
        )


def _pixels(colors: dict[str, list[str]]) -> Iterator[str]:
    by_bits: dict[str, list[str]] = {}
    for color, bits in colors.items():
        ordered = sorted(
            bits, key=lambda text: [int(number) for number in re.findall(r"\d+", text)]
        )
        by_bits.setdefault(", ".join(ordered), []).append(color)
    return (f"**{bits}**: {', '.join(names)}" for bits, names in by_bits.items())


def _refused(cells: dict[str, set[str]]) -> str:
    return _listed(cells["refused"]) if cells["read"] else "all that were tried"


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names, key=lambda name: (name != "none", name)))


def written(document: Path) -> str:
    """The table as a document has it."""
    _, _, rest = document.read_text().partition(_START)
    return rest.partition(_END)[0]


def write(document: Path, table: Table) -> None:
    """Put the table into a document, in the place of the one that it has."""
    pattern = re.compile(f"{re.escape(_START)}.*?{re.escape(_END)}", re.DOTALL)
    text = document.read_text()
    assert pattern.search(text)
    document.write_text(pattern.sub(lambda _: f"{_START}{table}{_END}", text))
