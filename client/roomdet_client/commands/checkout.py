# SPDX-License-Identifier: AGPL-3.0-or-later
"""``roomdet serve``, ``demo``, ``deploy``: what make and ``python -m deploy`` do in a checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_USAGE = 2
_MARKS = ("Makefile", "handler/room_handler.py", "deploy/__main__.py")


def run_word(word: str, args: list[str]) -> int:
    """Run a word of a checkout; its own status, or 2 where there is none.

    Args:
        word: ``serve``, ``demo`` or ``deploy``.
        args: Handed on: variables of make (``PORT=9000``), or the words of ``python -m deploy``.
    """
    root = find_checkout(Path.cwd())
    if root is None:
        print(
            f"error: `roomdet {word}` works in a checkout of the room detector, with Python 3.11 "
            "and make; the current folder is in none",
            file=sys.stderr,
        )
        return _USAGE
    return subprocess.run(command(root, word, args), cwd=root, check=False).returncode


def find_checkout(start: Path) -> Path | None:
    """The checkout that a folder is in."""
    for folder in (start, *start.parents):
        if all((folder / mark).is_file() for mark in _MARKS):
            return folder
    return None


def command(root: Path, word: str, args: list[str]) -> list[str]:
    """What is run."""
    if word != "deploy":
        return ["make", "--no-print-directory", word, *args]
    own = root / ".venv" / "bin" / "python"
    return [str(own) if own.exists() else sys.executable, "-m", "deploy", *args]
