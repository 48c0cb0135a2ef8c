# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which archives a server has served, so that it can go back: a note in its model store."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from serving.errors import RolloutError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_NOTE = "history.json"
_MOST = 3  # archives before the one that serves; each has some 4 MB


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
class History:
    """The versions that one server has served, oldest first, without the one that serves now.

    Attributes:
        model_store: The server's.
    """

    model_store: Path

    def entries(self) -> list[Entry]:
        """Those whose archives are there.

        Raises:
            RolloutError: If the note cannot be read.
        """
        try:
            noted = [Entry(**entry) for entry in json.loads(self._note.read_text("utf-8"))]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError) as err:
            raise RolloutError(f"{self._note} cannot be read: {err}") from err
        return [entry for entry in noted if (self.model_store / entry.archive).is_file()]

    def archives(self) -> set[str]:
        return {entry.archive for entry in self.entries()}

    def push(self, entry: Entry) -> list[Entry]:
        """Note a version that has served until now; those that are forgotten for it."""
        kept = [*(other for other in self.entries() if other.version != entry.version), entry]
        self._write(kept[-_MOST:])
        return kept[:-_MOST]

    def cut(self, version: str) -> None:
        """Forget a version and all that served after it: it serves again."""
        entries = self.entries()
        names = [entry.version for entry in entries]
        self._write(entries[: names.index(version)] if version in names else entries)

    @property
    def _note(self) -> Path:
        return self.model_store / _NOTE

    def _write(self, entries: Iterable[Entry]) -> None:
        part = self._note.with_suffix(".part")
        part.write_text(json.dumps([asdict(entry) for entry in entries]), "utf-8")
        part.replace(self._note)
