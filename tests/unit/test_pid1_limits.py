# SPDX-License-Identifier: AGPL-3.0-or-later
"""The container's limits decide, not the host's; and what is made of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pid1.budget import Budget, share_out
from pid1.cgroup import Limits, read_limits
from pid1.errors import StartError

if TYPE_CHECKING:
    from pathlib import Path

HOST_CPUS = len(os.sched_getaffinity(0))
MIB = 2**20
SMALL, LARGE = 6 * MIB, 20 * MIB  # files
NO_LIMIT_V1 = 9223372036854771712  # what the kernel shows for none (memory.limit_in_bytes)


def tree(root: Path, files: dict[str, str], memory_kb: int = 64 * 2**20) -> Path:
    """A machine's /proc and /sys below a folder."""
    for name, text in {"proc/meminfo": f"MemTotal: {memory_kb} kB\n", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, Limits(HOST_CPUS, 65536), id="no cgroup at all"),
        pytest.param(
            {
                "proc/self/cgroup": "0::/\n",
                "sys/fs/cgroup/cpu.max": "50000 100000\n",
                "sys/fs/cgroup/memory.max": f"{2048 * 2**20}\n",
            },
            Limits(0.5, 2048),
            id="version 2, own namespace",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
                "sys/fs/cgroup/a/cpu.max": "25000 100000\n",
                "sys/fs/cgroup/a/memory.max": f"{512 * 2**20}\n",
                "sys/fs/cgroup/a/b/memory.max": "max\n",
            },
            Limits(0.25, 512),
            id="version 2, the parent's limit",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "75000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{1024 * 2**20}\n",
            },
            Limits(0.75, 1024),
            id="version 1, the path is the host's",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "4:memory:/\n1:cpu:/\n0::/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{NO_LIMIT_V1}\n",
            },
            Limits(HOST_CPUS, 65536),
            id="version 1, unlimited",
        ),
    ],
)
def test_limits_are_the_least_of_host_and_cgroups(
    tmp_path: Path, files: dict[str, str], expected: Limits
) -> None:
    """Version 1 and 2, own and parent's."""
    assert expected == read_limits(tree(tmp_path, files))


def test_this_machines_limits_can_be_read() -> None:
    """The real files give CPUs and memory."""
    limits = read_limits()

    assert 0 < limits.cpus <= HOST_CPUS
    assert limits.memory_mb > 256


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        pytest.param(Limits(2, 1024), Budget(1, 2, 511, 177, 202, 10, SMALL, 2), id="1024 MB"),
        pytest.param(Limits(2, 2048), Budget(1, 2, 1200, 588, 672, 10, LARGE, 4), id="2048 MB"),
        pytest.param(Limits(2, 3072), Budget(1, 2, 1200, 588, 672, 10, LARGE, 4), id="3072 MB"),
        pytest.param(
            Limits(4, 3072),
            Budget(2, 2, 1127, 588, 672, 10, LARGE, 4),
            id="4 CPUs, 3072 MB",
        ),
        pytest.param(
            Limits(0.4, 2048),
            Budget(1, 1, 1200, 588, 672, 10, LARGE, 4),
            id="part of a CPU",
        ),
        pytest.param(
            Limits(64, 2048),
            Budget(1, 64, 1200, 588, 672, 10, LARGE, 4),
            id="memory is short",
        ),
        pytest.param(
            Limits(8, 16384),
            Budget(4, 2, 1200, 588, 1024, 10, LARGE, 4),
            id="a large machine",
        ),
    ],
)
def test_a_container_is_shared_out(limits: Limits, expected: Budget) -> None:
    """Workers, threads, MiB for requests, heap and direct memory, waiting requests."""
    assert expected == share_out(limits)


def test_what_is_shared_out_fits() -> None:
    """At any size the parts that are always there fit, and so does one worker's full request."""
    for memory_mb in range(640, 8192, 64):
        budget = share_out(Limits(8, memory_mb), max_bytes=6 * MIB)

        worker_mb = 230 + (75 if budget.max_levels > 1 else 0)
        assert 160 + 48 + budget.workers * (worker_mb + budget.request_mb) <= memory_mb


@pytest.mark.parametrize(
    ("memory_mb", "max_bytes", "told"),
    [(512, None, "566 MiB are the least"), (1024, 100 * MIB, "ROOMDET_MAX_BYTES")],
)
def test_too_little_memory_is_refused(memory_mb: int, max_bytes: int | None, told: str) -> None:
    """The message says what would do."""
    with pytest.raises(StartError, match=told):
        share_out(Limits(2, memory_mb), max_bytes=max_bytes)


def test_workers_can_be_chosen() -> None:
    """They share the memory for requests and the CPUs."""
    assert Budget(3, 2, 991, 588, 672, 10, LARGE, 4) == share_out(Limits(6, 4096), workers=3)


@pytest.mark.parametrize(
    ("memory_mb", "workers", "request_mb", "max_levels"),
    [
        pytest.param(912, 1, 474, 1, id="one MiB too little for two"),
        pytest.param(913, 1, 400, 2, id="just enough for two"),
        pytest.param(1535, 1, 1022, 2, id="small"),
        pytest.param(1536, 1, 1023, 4, id="not small"),
        pytest.param(1536, 3, 212, 1, id="scarce for three workers"),
        pytest.param(2323, 3, 400, 2, id="just enough for two, of three workers"),
        pytest.param(2922, 3, 599, 2, id="one MiB too little for all"),
        pytest.param(2923, 3, 600, 4, id="just enough for all"),
    ],
)
def test_levels_are_granted_by_memory(
    memory_mb: int, workers: int, request_mb: int, max_levels: int
) -> None:
    """Where it is scarce it is kept for requests, which otherwise fail after some forms."""
    budget = share_out(Limits(6, memory_mb), max_bytes=6 * MIB, workers=workers)

    assert (budget.request_mb, budget.max_levels) == (request_mb, max_levels)
