# SPDX-License-Identifier: AGPL-3.0-or-later
"""Memory and processor time of all processes of a server. Linux only: from ``/proc``.

A server is what shares the session of the process that was started first. Two figures of memory:

- **PSS**: what is resident, where a page that ``n`` processes share counts for ``1/n`` in each. The
  sum over a server's processes is what it takes, if no other server that shares files with it runs.
  It is sampled; its peak is that of the samples.
- **VmHWM**: each process' own peak, by the kernel, between samples too; shared pages count again in
  each process, and the peaks need not coincide. The sum is an upper bound. It can be set back.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MB = 1_000_000
SAMPLE_S = 0.05
_PEAK = "5"
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def session(leader: int) -> list[int]:
    """Process ids of a session."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if os.getsid(int(folder.name)) == leader:
                    found.append(int(folder.name))
            except ProcessLookupError:
                continue
    return found


def pss_mb(leader: int) -> float:
    """Proportional set size of a session now."""
    return sum(_number(pid, "smaps_rollup", "Pss:") for pid in session(leader)) * 1024 / MB


def hwm_mb(leader: int) -> float:
    """Sum of the peaks of a session's processes that live."""
    return sum(_number(pid, "status", "VmHWM:") for pid in session(leader)) * 1024 / MB


def forget_peaks(leader: int) -> None:
    """Let the peaks of a session's processes begin anew, at what is resident now.

    Raises:
        OSError: If they belong to somebody else, or the kernel cannot (proc_pid_clear_refs(5)).
    """
    for pid in session(leader):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            Path(f"/proc/{pid}/clear_refs").write_text(_PEAK)


def processor_s(leader: int) -> float:
    """Processor time of a session's processes so far, user and system, threads included."""
    return sum(_ticks(pid) for pid in session(leader)) / _TICKS_PER_S


def read_mb(leader: int) -> float:
    """What a session's processes made the kernel read from disks; cold starts read, warm do not."""
    return sum(_number(pid, "io", "read_bytes:") for pid in session(leader)) / MB


def _number(pid: int, file: str, key: str) -> int:
    """A number of a ``/proc`` file; 0 of a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(key)), 0)


def _ticks(pid: int) -> int:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(value) for value in after_name[11:15])  # utime, stime, and of ended children


@contextmanager
def repeating(action: Callable[[], object], pause_s: float) -> Iterator[None]:
    """Do something again and again, a pause before each, in a thread until the block ends."""
    done = threading.Event()

    def work() -> None:
        while not done.wait(pause_s):
            action()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class Watch:
    """The highest PSS of a session that was seen."""

    def __init__(self, leader: int) -> None:
        self._leader = leader
        self.peak_pss_mb = 0.0

    def sample(self) -> None:
        """Look once."""
        self.peak_pss_mb = max(self.peak_pss_mb, pss_mb(self._leader))

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Look again and again while the block runs."""
        try:
            with repeating(self.sample, SAMPLE_S):
                yield
        finally:
            self.sample()
