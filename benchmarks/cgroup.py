# SPDX-License-Identifier: AGPL-3.0-or-later
"""A control group of Linux for some processes: how much memory and CPU they may use, and used.

As root only. Version 1 and 2; a container's limits are the same thing.

Source: Linux kernel documentation, admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path("/sys/fs/cgroup")
_PERIOD_US = 100_000
_GONE_S = 5.0


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """A group that exists.

    Attributes:
        memory: Folder of the memory controller.
        cpu: Folder of the CPU controller; the same one in version 2.
        is_v2: Version of the interface.
    """

    memory: Path
    cpu: Path
    is_v2: bool

    def join_command(self) -> list[str]:
        """Program and arguments that start what follows them inside the group."""
        joins = " && ".join(f"echo $$ > {folder}/cgroup.procs" for folder in self.folders())
        return ["sh", "-c", f'{joins} && exec "$@"', "sh"]

    def peak_mb(self) -> float:
        """Most memory that the group was ever charged with, in MB: pages of files included."""
        name = "memory.peak" if self.is_v2 else "memory.max_usage_in_bytes"
        return round(int((self.memory / name).read_text()) / 1e6, 1)

    def held_mb(self) -> float:
        """Memory in MB that the kernel cannot take back: everything but pages of files."""
        counts = dict(
            line.split() for line in (self.memory / "memory.stat").read_text().splitlines()
        )
        names = ("anon", "shmem") if self.is_v2 else ("total_rss", "total_shmem")
        return round(sum(int(counts.get(name, 0)) for name in names) / 1e6, 1)

    def kills(self) -> int:
        """Processes that the kernel has ended for lack of memory."""
        name = "memory.events" if self.is_v2 else "memory.oom_control"
        lines = (line.split() for line in (self.memory / name).read_text().splitlines())
        return next(int(value) for key, value in lines if key == "oom_kill")

    def folders(self) -> list[Path]:
        """Each folder once."""
        return sorted({self.memory, self.cpu})

    def remove(self) -> None:
        """Remove it; waits for its last process to be gone."""
        deadline_s = time.monotonic() + _GONE_S
        for folder in self.folders():
            while folder.exists() and time.monotonic() < deadline_s:
                with suppress(OSError):  # busy while a process is on its way out
                    folder.rmdir()
                time.sleep(0.05)


@contextmanager
def control_group(*, memory_mb: int, cpus: float) -> Iterator[ControlGroup]:
    """Make a group with limits; it goes at the end of the block.

    Args:
        memory_mb: MiB (2^20 bytes), without swap.
        cpus: 0.5 is half of one CPU's time.
    """
    is_v2 = (_ROOT / "cgroup.controllers").exists()
    name = f"rooms-{os.getpid()}-{time.monotonic_ns() % 10**9}"
    if is_v2:
        group = ControlGroup(_ROOT / name, _ROOT / name, is_v2)
    else:
        group = ControlGroup(_ROOT / "memory" / name, _ROOT / "cpu" / name, is_v2)
    limit, quota = memory_mb * 2**20, int(cpus * _PERIOD_US)
    for folder in group.folders():
        folder.mkdir()
    try:
        if is_v2:
            (group.memory / "memory.max").write_text(str(limit))
            with suppress(OSError):  # a kernel without swap has no such file
                (group.memory / "memory.swap.max").write_text("0")
            (group.cpu / "cpu.max").write_text(f"{quota} {_PERIOD_US}")
        else:
            (group.memory / "memory.limit_in_bytes").write_text(str(limit))
            (group.cpu / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
            (group.cpu / "cpu.cfs_quota_us").write_text(str(quota))
        yield group
    finally:
        group.remove()
