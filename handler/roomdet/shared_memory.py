# SPDX-License-Identifier: AGPL-3.0-or-later
"""Memory that two processes see. Linux only."""

from __future__ import annotations

import fcntl
import mmap
import os


class SharedMemory:
    """As much memory as was asked for so far; none is taken before it is written to.

    It has no name and lies in no file system, so nothing must be mounted, writable or cleaned up.
    It cannot become smaller: a process that has it mapped can rely on that.

    Args:
        fd: Of the other process's memory; without it there is new memory.

    Attributes:
        fd: What the other process needs to see it.
    """

    def __init__(self, fd: int | None = None) -> None:
        if fd is None:
            fd = os.memfd_create("roomdet", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        self.fd = fd
        self._mapped: mmap.mmap | None = None

    def __del__(self) -> None:
        os.close(self.fd)

    def of(self, size: int) -> mmap.mmap:
        """The memory, mapped, ``size`` bytes of it at least.

        Args:
            size: More than 0.
        """
        if self._mapped is None or len(self._mapped) < size:
            if os.fstat(self.fd).st_size < size:
                os.ftruncate(self.fd, size)
            self._mapped = mmap.mmap(self.fd, size)  # the earlier one lives while it is in use
        return self._mapped
