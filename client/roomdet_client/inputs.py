# SPDX-License-Identifier: AGPL-3.0-or-later
"""Files and folders of a command line, and names for what is written of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from roomdet_client.errors import PlanUnreadable
from roomdet_client.pages import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MOST_STEM_CHARS = 150  # file systems take 255 bytes


@dataclass(frozen=True)
class InputFile:
    """A file to look at.

    Attributes:
        path: Where it lies.
        name: What it is called in answers: as it was named, or below the folder that was.
    """

    path: Path
    name: str


def find_files(inputs: Iterable[str | Path], leave_out: Sequence[Path] = ()) -> list[InputFile]:
    """The files that are named, and the plans below the folders that are, sorted.

    Args:
        inputs: Files are taken whatever their suffix is, from folders what reads like a plan.
        leave_out: Folders that are not looked into: what is written goes there.

    Raises:
        PlanUnreadable: If something is not there, or a folder holds no plan.
    """
    found: dict[Path, InputFile] = {}
    all_given = [Path(given) for given in inputs]
    for given in all_given:
        if not given.exists():
            raise PlanUnreadable(f"{given} is not there")
        files = [InputFile(given, str(given))]
        if given.is_dir():
            # Below one folder names are short; of several they tell which.
            start = given if len(all_given) == 1 else Path()
            files = list(_below(given, start, leave_out))
        if not files:
            raise PlanUnreadable(f"{given} holds no {', '.join(sorted(SUFFIXES))}")
        for file in files:
            found.setdefault(file.path.resolve(), file)
    return list(found.values())


def _below(folder: Path, start: Path, leave_out: Sequence[Path]) -> Iterator[InputFile]:
    skipped = {place.resolve() for place in leave_out}
    for path in sorted(folder.rglob("*")):
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() not in SUFFIXES or is_hidden or not path.is_file():
            continue
        if skipped.isdisjoint(path.resolve().parents):
            name = path.relative_to(start) if start != Path() else path
            yield InputFile(path, name.as_posix())


class Stems:
    """Names for what is written of files: no two files share one, whatever the case.

    Args:
        known: Those of an earlier run, by the file's name.
    """

    def __init__(self, known: dict[str, str] | None = None) -> None:
        self._of = dict(known or {})
        self._taken = {stem.lower() for stem in self._of.values()}

    def of(self, name: str) -> str:
        """The stem of a file; the same each time."""
        if name not in self._of:
            path = Path(name)
            above = path.parent.name.strip(".")
            plain, kind = _clean(path.stem), path.suffix[1:].lower()
            longer = _clean(f"{above}__{path.stem}") if above else plain
            numbered = (f"{longer}_{kind}-{number}" for number in range(2, len(self._of) + 3))
            tries = [plain, longer, f"{plain}_{kind}", f"{longer}_{kind}", *numbered]
            self._of[name] = next(stem for stem in tries if stem.lower() not in self._taken)
            self._taken.add(self._of[name].lower())
        return self._of[name]


def _clean(text: str) -> str:
    """Without what file systems refuse."""
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", text)[-_MOST_STEM_CHARS:]
