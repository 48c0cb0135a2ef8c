# SPDX-License-Identifier: AGPL-3.0-or-later
"""What people see on stderr: progress, and tables."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from tqdm import tqdm

from roomdet_client.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_PLAIN_EVERY_S = 10.0  # where stderr is no terminal, a line at most so often
_QUIET_S = 0.5  # what is done by then needs no progress
_LEAST_NAME = 12


def say(text: str) -> None:
    """A line, above the progress where there is one."""
    tqdm.write(printable(text), file=sys.stderr)


def show(text: str) -> None:
    """A line of data on stdout, whatever progress is shown."""
    tqdm.write(printable(text), file=sys.stdout)
    sys.stdout.flush()


class Progress:
    """Pages done, their rate and the time left; nothing where there is only one page.

    Args:
        total: Pages, as far as they are known.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._bar: tqdm[None] | None = None

    def expect(self, more: int) -> None:
        """Count further pages in."""
        self._total += more
        if self._bar is not None:
            self._bar.total = self._total

    def step(self, rooms: int, failed: int) -> None:
        """A page is done; how many rooms and failures there are so far."""
        if self._bar is None and self._total > 1:
            is_terminal = sys.stderr.isatty()
            self._bar = tqdm(
                total=self._total,
                unit="page",
                file=sys.stderr,
                delay=_QUIET_S,
                leave=False,
                dynamic_ncols=True,
                mininterval=0.1 if is_terminal else _PLAIN_EVERY_S,
                smoothing=0.1,
                ascii=None if is_terminal else True,
            )
        if self._bar is not None:
            self._bar.set_postfix({"rooms": rooms, "failed": failed}, refresh=False)
            self._bar.update()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns of text; numbers to the right, the first column shortened to the terminal."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *texts, strict=True)]
    spare = shutil.get_terminal_size((100, 24)).columns - sum(widths[1:]) - 2 * (len(head) - 1)
    widths[0] = min(widths[0], max(spare, _LEAST_NAME))
    is_number = [
        all(isinstance(row[index], (int, float)) or row[index] == "" for row in rows)
        for index in range(len(head))
    ]
    lines = []
    for cells in [list(head), ["-" * width for width in widths], *texts]:
        shown = [
            _cut(cell, width).rjust(width) if right else _cut(cell, width).ljust(width)
            for cell, width, right in zip(cells, widths, is_number, strict=True)
        ]
        lines.append("  ".join(shown).rstrip())
    return "\n".join(lines)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"…{text[-width + 1 :]}"
