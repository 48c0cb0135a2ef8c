# SPDX-License-Identifier: AGPL-3.0-or-later
"""Archives that are not as they should be, and workers that do not work."""

from __future__ import annotations

import contextlib
import os
import signal
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving.server import LocalServer

# Appended to roomdet/schema.py: an archive that loads, proves itself, and answers wrongly.
SHIFTED = b"""
_build_rooms = build_rooms
def build_rooms(boxes_grid, scores, *facts):
    return _build_rooms(boxes_grid // 2, scores)
"""


@contextmanager
def frozen_worker(server: LocalServer) -> Iterator[None]:
    """Whatever is sent meanwhile stays in flight while the block runs, which may end the worker."""
    (worker,) = server.worker_pids()
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGCONT)


def without(archive: Path, target: Path, name: str, content: bytes | None = None) -> Path:
    """A copy of an archive that lacks a file, or has another content in its place."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(target, "w") as changed:
        for entry in source.namelist():
            if entry != name:
                changed.writestr(entry, source.read(entry))
            elif content is not None:
                changed.writestr(entry, content)
    return target
