# SPDX-License-Identifier: AGPL-3.0-or-later
"""What this container may use: CPUs and memory by its cgroup, version 1 or 2, not by the host.

Source: Linux kernel documentation, admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst,
scheduler/sched-bwc.rst.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """What the processes of this container may use together.

    Attributes:
        cpus: CPUs, greater than 0; 0.5 is half of one CPU's time.
        memory_mb: Memory in MiB (2^20 bytes).
    """

    cpus: float
    memory_mb: int


def read_limits(root: Path = Path("/")) -> Limits:
    """Read the limits of this process: the least of the host's, the cgroup's and its parents'.

    Args:
        root: Where ``proc`` and ``sys`` are; another folder in tests.
    """
    cpus = [float(len(os.sched_getaffinity(0)))]
    memory = [_host_memory_bytes(root)]
    for folder in _folders(root, "cpu"):
        cpus.extend(_cpu_quota(folder))
    for folder in _folders(root, "memory"):
        memory.extend(_memory_limit(folder))
    return Limits(min(cpus), min(memory) // _MIB)


def _host_memory_bytes(root: Path) -> int:
    for line in (root / "proc/meminfo").read_text("ascii").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"{root}proc/meminfo has no MemTotal")


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """The folders that can hold a limit for this process: its own cgroup's and all above it.

    Inside a container the own cgroup usually is the mount's root, and the path of
    ``/proc/self/cgroup`` may not exist there.
    """
    mount = root / "sys/fs/cgroup"
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        # Version 1 has a mount for each controller or for several: cpu,cpuacct.
        tops = [mount / controllers, mount / controller] if controllers else [mount]
        for top in dict.fromkeys(tops):
            own = top / path.strip("/")
            yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(top))


def _cpu_quota(folder: Path) -> Iterator[float]:
    for line in _lines(folder / "cpu.max"):  # version 2: "200000 100000" or "max 100000"
        quota, period = line.split()
        if quota != "max":
            yield int(quota) / int(period)
    quotas, periods = _lines(folder / "cpu.cfs_quota_us"), _lines(folder / "cpu.cfs_period_us")
    for quota, period in zip(quotas, periods, strict=False):
        if int(quota) > 0:  # -1 is no quota
            yield int(quota) / int(period)


def _memory_limit(folder: Path) -> Iterator[int]:
    for name in ("memory.max", "memory.limit_in_bytes"):
        for line in _lines(folder / name):
            if line != "max":
                yield int(line)  # version 1 says "no limit" with a number above any memory


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("ascii").split("\n")[:-1]
    except OSError:
        return []
