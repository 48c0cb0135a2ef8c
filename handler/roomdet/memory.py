# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the process may take for requests, and that it gives it back.

A file of a few bytes can unfold without end inside a decoder (a PDF form that calls itself, for
one). No check of ours comes before that, so the operating system draws the line.
"""

from __future__ import annotations

import ctypes
import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # glibc 2.10, malloc.h
_KEPT_BYTES = 4 * 2**20


def limit_memory(allowance_mb: int) -> None:
    """Let this process take at most ``allowance_mb`` (2^20 bytes) more than it has now.

    Beyond that Python raises MemoryError and PDFium ends the process, which TorchServe starts
    again. Linux only; elsewhere nothing is limited.

    Args:
        allowance_mb: 0 limits nothing.
    """
    if not allowance_mb or not _STATUS.exists():
        return
    limit = _data_bytes() + allowance_mb * 2**20
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def share_heap() -> None:
    """Let all threads of this process take memory from one heap; call it before they start.

    Otherwise glibc gives each thread a heap, and each heap keeps up to 64 MB of what its thread
    has freed: after A1 sheets read by four threads 150 to 190 MB, with one heap 11 MB, at the
    same processor time. Only glibc has the setting; elsewhere nothing changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


def keep_for_canvases() -> None:
    """Let this process keep freed memory for the next request's page and canvas of 640 px.

    Taken from the system anew they cost 1 ms a request. Where a process decodes pictures, glibc
    chooses as much by itself; only glibc has the setting.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES // 2)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def give_back() -> None:
    """Let the operating system have what was freed and is kept for later. Only with glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _data_bytes() -> int:
    """Private writable memory of this process, which is what RLIMIT_DATA counts."""
    for line in _STATUS.read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"{_STATUS} has no VmData")
