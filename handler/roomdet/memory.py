# SPDX-License-Identifier: AGPL-3.0-or-later
"""A ceiling for what one request may make this process take.

A file of a few bytes can unfold without end inside a decoder (a PDF form that calls itself, for
one). No check of ours comes before that, so the operating system draws the line.
"""

from __future__ import annotations

import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")


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


def _data_bytes() -> int:
    """Private writable memory of this process, which is what RLIMIT_DATA counts."""
    for line in _STATUS.read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"{_STATUS} has no VmData")
