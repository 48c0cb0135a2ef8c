# SPDX-License-Identifier: AGPL-3.0-or-later
"""Why a server or one of its workers failed, out of what it printed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_TRACE = "Traceback (most recent call last):"
# `roomdet.errors.ModelError: …`, and Python's own such as SyntaxError, at the end of a trace.
_RAISED = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt)\b(?:: .*)?")
_PLACE = re.compile(r'File "(?P<path>[^"]+)", line (?P<line>\d+)')
_ENOUGH = 300  # characters


@dataclass(frozen=True, slots=True)
class ServerLog:
    """What a server prints.

    Attributes:
        path: None of a server that `make serve` did not start.
    """

    path: Path | None

    @classmethod
    def of(cls, model_store: Path) -> ServerLog:
        """That of the server with a model store."""
        path = model_store.with_name("server.log")
        return cls(path if path.is_file() else None)

    def size(self) -> int:
        """Bytes printed so far."""
        return self.path.stat().st_size if self.path else 0

    def why(self, told: str, since_bytes: int) -> str:
        """What is told, with the reason that was printed since then, and where the log is."""
        if self.path is None:
            return told
        with self.path.open("rb") as file:
            file.seek(since_bytes)
            reason = find_reason(file.read().decode(errors="replace"))
        told = told.removesuffix("; the log says why")
        return f"{told}{': ' if reason else ''}{reason} (log: {self.path})"


def find_reason(text: str) -> str:
    """The last exception that a log tells of, and where; empty if it tells of none."""
    lines = list(_lines(text))
    starts = [number for number, line in enumerate(lines) if line.rstrip().endswith(_TRACE)]
    return _of_trace(lines[starts[-1] :]) if starts else ""


def _lines(text: str) -> Iterator[str]:
    """The lines, those of a trace that is in one line of JSON (roomdet/logs.py) among them."""
    for line in text.splitlines():
        trace = _trace_of(line) if '"trace"' in line else ""
        yield from trace.splitlines() if trace else [line]


def _trace_of(line: str) -> str:
    try:
        return str(json.loads(line[line.index("{") :]).get("trace", ""))
    except (ValueError, AttributeError):
        return ""


def _of_trace(lines: Sequence[str]) -> str:
    place = ""
    for line in lines[1:]:
        found = _PLACE.search(line)
        if found:
            place = f" ({found['path'].rpartition('/')[2]}, line {found['line']})"
        raised = _RAISED.search(line)
        if raised and line.rstrip().endswith(raised[0]):
            return raised[0][:_ENOUGH] + place
    return ""
