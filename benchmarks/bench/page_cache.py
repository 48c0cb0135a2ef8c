# SPDX-License-Identifier: AGPL-3.0-or-later
"""Forget what the kernel has read from the disk."""

from __future__ import annotations

import os
from pathlib import Path

_DROP = Path("/proc/sys/vm/drop_caches")
_ALL = "3"  # pages, and directory entries with their inodes


def forget(folders: list[Path]) -> str:
    """Drop the page cache; where that is not allowed, drop the files of these folders.

    Returns:
        Which of the two was done. Pages that a running process has mapped stay in either case.
    """
    os.sync()
    try:
        _DROP.write_text(_ALL)
    except OSError:
        for folder in folders:
            _forget_files(folder)
        return "fadvise"
    return "drop_caches"


def _forget_files(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
