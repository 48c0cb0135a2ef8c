# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a running process holds in memory, as Linux counts it; MB are 10^6 bytes."""

from __future__ import annotations

import json
import urllib.request
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

_BYTES_PER_KB, _BYTES_PER_MB = 1024, 10**6


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of one process in MB.

    Attributes:
        rss: Resident, shared pages counted in full.
        pss: Resident, each shared page divided by those who share it.
        private: Resident pages that nobody shares: what the process's end would free.
    """

    rss: float
    pss: float
    private: float


@dataclass(frozen=True, slots=True)
class Mapping:
    """One line of ``/proc/PID/smaps`` with what is resident of it.

    Attributes:
        start: First address.
        end: First address after it.
        name: Path of the file, ``[heap]``, ``[stack]``, or empty for anonymous memory.
        pss_mb: Resident, shared pages divided.
    """

    start: int
    end: int
    name: str
    pss_mb: float


def memory(pid: int) -> Memory:
    """What a process holds.

    Raises:
        OSError: If it has ended or belongs to somebody else.
    """
    found: dict[str, int] = defaultdict(int)
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split()[:2]
        found[name] += int(value)
    private = found["Private_Clean:"] + found["Private_Dirty:"]
    return Memory(*map(_megabytes, (found["Rss:"], found["Pss:"], private)))


def mappings(pid: int) -> Iterator[Mapping]:
    """Every mapping of a process, lowest address first."""
    start = end = 0
    name = ""
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split(maxsplit=5)
        if not words[0].endswith(":"):
            start, end = (int(address, 16) for address in words[0].split("-"))
            name = words[5] if len(words) > 5 else ""  # noqa: PLR2004  # the name is the sixth
        elif words[0] == "Pss:":
            yield Mapping(start, end, name, _megabytes(int(words[1])))


def anonymous_mb(pid: int) -> float:
    """Resident memory that no file stands behind: what a leak adds to."""
    return status_mb(pid, "RssAnon")


def peak_mb(pid: int) -> float:
    """Most that was ever resident."""
    return status_mb(pid, "VmHWM")


def status_mb(pid: int, field: str) -> float:
    """A line of ``/proc/PID/status`` that is in kB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return _megabytes(int(line.split()[1]))
    raise RuntimeError(f"process {pid} has no {field}")


def worker_pids(management_url: str, model: str = "rooms") -> list[int]:
    """Process ids of a TorchServe's workers that are ready."""
    address = f"{management_url}/models/{model}"
    with urllib.request.urlopen(address, timeout=5) as answer:
        (version,) = json.load(answer)
    return [worker["pid"] for worker in version["workers"] if worker["status"] == "READY"]


def jvm_pid(worker: int) -> int:
    """The JVM that started a worker."""
    parent = psutil.Process(worker).parent()
    assert parent is not None
    return parent.pid


def _megabytes(kilobytes: int) -> float:
    return round(kilobytes * _BYTES_PER_KB / _BYTES_PER_MB, 2)
