# SPDX-License-Identifier: AGPL-3.0-or-later
"""The archives of a server, and which it has served, so that it can go back: a note beside them."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from serving.errors import RolloutError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_NOTE = "history.json"
_MOST = 3  # archives before the one that serves; each has some 4 MB
_OURS = re.compile(r"rooms-.+-[0-9a-f]{12}\.mar")


@dataclass(frozen=True, slots=True)
class Entry:
    """A version that has served.

    Attributes:
        version: It.
        archive: Its file in the model store.
    """

    version: str
    archive: str


@dataclass(frozen=True, slots=True)
class ModelStore:
    """The folder that a server takes archives from, and the versions that it has served.

    Attributes:
        path: The folder.
    """

    path: Path

    def put(self, archive: Path, file: str) -> None:
        """Copy an archive here; it appears whole or not at all.

        Raises:
            RolloutError: If it cannot be written.
        """
        target = self.path / file
        if target == archive:
            return
        part = target.with_suffix(".part")
        try:
            shutil.copyfile(archive, part)
            part.replace(target)
        except OSError as err:
            raise RolloutError(f"{target} cannot be written: {err.strerror}") from err

    def forget(self, file: str) -> None:
        """Delete an archive that a rollout has put here, but a way back."""
        try:
            kept = {entry.archive for entry in self.history()}
        except RolloutError:  # who cannot tell deletes nothing
            return
        if _OURS.fullmatch(file) and file not in kept:
            (self.path / file).unlink(missing_ok=True)

    def has_other(self, file: str, archive: Path) -> bool:
        """Whether a file here has another content than an archive."""
        served = self.path / file
        return served.is_file() and _sha256(served) != _sha256(archive)

    def history(self) -> list[Entry]:
        """The versions that have served, oldest first, without the one that serves now.

        Those whose archives are there.

        Raises:
            RolloutError: If the note cannot be read.
        """
        try:
            noted = [Entry(**entry) for entry in json.loads(self._note.read_text("utf-8"))]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as err:
            raise RolloutError(f"{self._note} cannot be read: {err}") from err
        return [entry for entry in noted if (self.path / entry.archive).is_file()]

    def push(self, entry: Entry) -> list[Entry]:
        """Note a version that has served until now; those that are forgotten for it."""
        kept = [*(other for other in self.history() if other.version != entry.version), entry]
        self._write(kept[-_MOST:])
        return kept[:-_MOST]

    def cut(self, version: str) -> None:
        """Forget a version and all that served after it: it serves again."""
        entries = self.history()
        names = [entry.version for entry in entries]
        self._write(entries[: names.index(version)] if version in names else entries)

    @property
    def _note(self) -> Path:
        return self.path / _NOTE

    def _write(self, entries: Iterable[Entry]) -> None:
        part = self._note.with_suffix(".part")
        part.write_text(json.dumps([asdict(entry) for entry in entries]), "utf-8")
        part.replace(self._note)


def file_of(archive: Path, version: str) -> str:
    """Name of an archive in a model store; the same content has the same name."""
    return f"rooms-{version}-{_sha256(archive)[:12]}.mar"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
