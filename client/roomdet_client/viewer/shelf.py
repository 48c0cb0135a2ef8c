# SPDX-License-Identifier: AGPL-3.0-or-later
"""The documents that the page may look at: those of one folder, and those dropped on it.

The page names a document by an id that this module made, never by a path.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomdet_client.pages import SUFFIXES
from roomdet_client.viewer.errors import NotFound, TooLarge, Unreadable
from roomdet_client.viewer.pages import Document, open_document

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILE_BYTES = 256 * 1024 * 1024
# What dropped files may take in memory; the one dropped first is forgotten first.
MAX_DROPPED_BYTES = 2 * MAX_FILE_BYTES
# Decoded documents that are kept: an A1 sheet scanned at 200 dpi takes 130 MB with its halvings.
MAX_OPEN = 3
ID_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Entry:
    """One document that can be opened.

    Attributes:
        id: Names it in addresses; another one once the file has changed.
        name: File name, without folders.
        path: Where it lies; None for a dropped one.
    """

    id: str
    name: str
    path: Path | None


class Shelf:
    """Documents by id.

    Args:
        source: A folder whose plans are listed, or one file, or None for dropped ones alone.
    """

    def __init__(self, source: Path | None) -> None:
        self._source = source.resolve() if source else None
        self._dropped: OrderedDict[str, tuple[str, bytes]] = OrderedDict()
        self._open: OrderedDict[str, Document] = OrderedDict()
        self._lock = threading.Lock()

    def entries(self) -> list[Entry]:
        """What there is now, files by name, then dropped ones, the last first."""
        with self._lock:
            dropped = [Entry(key, name, None) for key, (name, _) in self._dropped.items()]
        return [*self._files(), *reversed(dropped)]

    def entry(self, key: str) -> Entry:
        """Look an id up.

        Raises:
            NotFound: If there is none with this id (any more).
        """
        for entry in self.entries():
            if entry.id == key:
                return entry
        raise NotFound("this plan is gone or has changed; load the page again")

    def drop(self, name: str, data: bytes) -> Entry:
        """Keep a dropped file in memory.

        Raises:
            TooLarge: If it is larger than ``MAX_FILE_BYTES``.
            Unreadable: If it can't be shown.
        """
        if len(data) > MAX_FILE_BYTES:
            raise TooLarge(_size_refused(len(data)))
        key = hashlib.sha256(data).hexdigest()[:ID_DIGITS]
        document = open_document(data)
        with self._lock:
            self._keep_open(key, document)
            self._dropped.pop(key, None)
            self._dropped[key] = (name, data)
            while sum(len(kept) for _, kept in self._dropped.values()) > MAX_DROPPED_BYTES:
                self._dropped.popitem(last=False)
        return Entry(key, name, None)

    def read(self, key: str) -> bytes:
        """The file as it is.

        Raises:
            NotFound: If there is no such document.
            TooLarge: If it is larger than ``MAX_FILE_BYTES``.
        """
        entry = self.entry(key)
        with self._lock:
            if key in self._dropped:
                return self._dropped[key][1]
        try:
            if entry.path is None:
                raise NotFound(f"{entry.name} was dropped too long ago; drop it again")
            if (size := entry.path.stat().st_size) > MAX_FILE_BYTES:
                raise TooLarge(_size_refused(size))
            return entry.path.read_bytes()
        except OSError as err:
            raise Unreadable(f"{entry.name} can't be read: {err.strerror}") from err

    def document(self, key: str) -> Document:
        """Open a document, or take it from the last few that were.

        Raises:
            NotFound: If there is no such document.
            TooLarge: If it is larger than ``MAX_FILE_BYTES``.
            Unreadable: If it can't be shown.
        """
        with self._lock:
            if key in self._open:
                self._open.move_to_end(key)
                return self._open[key]
        document = open_document(self.read(key))
        with self._lock:
            # Another thread may have been faster; its document is in use.
            kept = self._open.get(key)
            return kept or self._keep_open(key, document)

    def _keep_open(self, key: str, document: Document) -> Document:
        self._open[key] = document
        self._open.move_to_end(key)
        while len(self._open) > MAX_OPEN:
            # A thread may be drawing it still; it is closed with the last reference.
            self._open.popitem(last=False)
        return document

    def _files(self) -> list[Entry]:
        if self._source is None:
            return []
        if self._source.is_dir():
            found = sorted(self._source.iterdir(), key=lambda path: path.name.casefold())
            paths = [path for path in found if path.suffix.lower() in SUFFIXES]
        else:
            paths = [self._source]
        entries = (_file_entry(path, self._source) for path in paths)
        return [entry for entry in entries if entry]


def _file_entry(path: Path, source: Path) -> Entry | None:
    """An entry of a file, unless it is a link to somewhere outside."""
    try:
        real = path.resolve(strict=True)
        if not real.is_file() or not (real == source or real.is_relative_to(source)):
            return None
        status = real.stat()
    except OSError:
        return None
    mark = f"{path.name}\n{status.st_mtime_ns}\n{status.st_size}"
    return Entry(hashlib.sha256(mark.encode()).hexdigest()[:ID_DIGITS], path.name, real)


def _size_refused(size: int) -> str:
    return f"the file has {size:,} bytes; the viewer takes {MAX_FILE_BYTES:,} at most"
