# SPDX-License-Identifier: AGPL-3.0-or-later
"""Processes for work that may have to be ended, forked from what this one was without threads.

A process with threads (OpenVINO's, for one) cannot be forked safely. So it is forked once before
they start, and that copy forks the others, each in about a millisecond and sharing all memory that
neither changes. They end with the process that asked for them. Linux only. See
docs/decisions/0030-pages-in-their-own-process.md.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import select
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from roomdet.memory import give_back

if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_OOM_SCORE = Path("/proc/self/oom_score_adj")
_FIRST_TO_END = "1000"  # the most: of a container out of memory this ends, not server or worker
_STAT = Path("/proc/self/stat")
_ARGUMENTS = (48, 49)  # where they begin and end in memory, proc(5)
_FORK = b"fork"
_MESSAGE_BYTES = 64
_FIRST_FD = 3  # behind standard input, output and error


class ForkServerEnded(SystemExit):
    """The process that forks has ended, which only somebody else can have done.

    This one cannot have another, because it has threads by now, and ends, too; TorchServe starts
    both again.
    """


@dataclass(frozen=True, slots=True)
class Child:
    """A process that serves one socket.

    Attributes:
        number: Among the fork server's children; unlike a pid it is never another one's.
        pid: While it lives. Only the fork server may wait for it.
        channel: Whole messages to and from it (``SOCK_SEQPACKET``).
    """

    number: int
    pid: int
    channel: socket.socket


class ForkServer:
    """Forks and ends processes; to be made before this process has threads of its own.

    May be used by several threads at once.

    Args:
        serve: What a child does with its end of the channel and with the file descriptor that came
            along; the child ends when this returns. It runs where everything is as it is now.
        name: What stands in lists of processes.
    """

    def __init__(self, serve: Callable[[socket.socket, int], None], name: str) -> None:
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # What there is now is never looked at again by the garbage collector, which writes to
        # whatever it looks at: the memory stays shared.
        gc.collect()
        gc.freeze()
        give_back()  # free memory would be held twice as soon as either uses it again
        sys.stdout.flush()
        sys.stderr.flush()
        self._pid = os.fork()
        if self._pid == 0:
            _run(theirs, serve, name)
        theirs.close()

    def fork(self, fd: int) -> Child:
        """A new child.

        Args:
            fd: What it gets a copy of.

        Raises:
            ForkServerEnded: If there is nobody who could fork.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                number, pid = self._ask(_FORK, theirs.fileno(), fd)
                return Child(number, pid, ours)
            except BaseException:
                ours.close()
                raise

    def end(self, child: Child) -> int:
        """End a child, if it has not ended by itself.

        Returns:
            The number of the signal that ended it, 9 where this did; 0 where none did.

        Raises:
            ForkServerEnded: If there is nobody who could.
        """
        child.channel.close()
        (by_signal,) = self._ask(str(child.number).encode())
        return by_signal

    def close(self) -> None:
        """End the fork server and all children."""
        self._control.close()
        os.waitpid(self._pid, 0)

    def _ask(self, message: bytes, *fds: int) -> list[int]:
        with self._lock:
            try:
                socket.send_fds(self._control, [message], fds)
                answer = self._control.recv(_MESSAGE_BYTES)
            except OSError as err:
                raise ForkServerEnded(f"the fork server has ended: {err}") from err
        if not answer:
            raise ForkServerEnded("the fork server has ended")
        return [int(number) for number in answer.split()]


def _run(
    control: socket.socket, serve: Callable[[socket.socket, int], None], name: str
) -> NoReturn:
    """Be the fork server; whatever happens, nothing of the process that forked it goes on here."""
    status = 1
    try:
        _keep_only(control)
        _rename(name)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, for the server
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _Forks(control, serve).run()
        status = 0
    finally:
        os._exit(status)


class _Forks:
    """The fork server's children."""

    def __init__(self, control: socket.socket, serve: Callable[[socket.socket, int], None]) -> None:
        self._control, self._serve = control, serve
        self._pids: dict[int, int] = {}  # by number, of those that were not waited for
        self._signals: dict[int, int] = {}  # by number, of those that ended by themselves
        self._count = 0
        self._woken, self._waker = socket.socketpair()

    def run(self) -> None:
        """Fork and end until the other side is gone, then end what there is."""
        self._waker.settimeout(0)  # which a signal must not wait for
        signal.set_wakeup_fd(self._waker.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)  # so that it wakes
        while True:
            ready, _, _ = select.select([self._control, self._woken], [], [])
            if self._woken in ready:
                self._woken.recv(_MESSAGE_BYTES)
                self._reap()
            if self._control in ready:
                message, fds, _, _ = socket.recv_fds(self._control, _MESSAGE_BYTES, 2)
                if not message:
                    break
                answer = self._fork(fds) if fds else str(self._end(int(message)))
                self._control.send(answer.encode())
        for number in list(self._pids):
            self._end(number)

    def _fork(self, fds: list[int]) -> str:
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for end in (self._control, self._woken, self._waker):
                end.close()
            _run_child(self._serve, *fds)
        for fd in fds:
            os.close(fd)
        self._count += 1
        self._pids[self._count] = pid
        return f"{self._count} {pid}"

    def _end(self, number: int) -> int:
        """End a child and tell by what signal it ended."""
        if number in self._signals:
            return self._signals.pop(number)
        pid = self._pids.pop(number)
        os.kill(pid, signal.SIGKILL)  # not waited for yet: its pid is nobody else's
        return _signal_of(os.waitpid(pid, 0)[1])

    def _reap(self) -> None:
        """Leave no zombies of those that ended by themselves."""
        for number, pid in list(self._pids.items()):
            reaped, status = os.waitpid(pid, os.WNOHANG)
            if reaped:
                del self._pids[number]
                self._signals[number] = _signal_of(status)


def _signal_of(status: int) -> int:
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def _run_child(serve: Callable[[socket.socket, int], None], channel_fd: int, fd: int) -> NoReturn:
    status = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would fill the disk
        with contextlib.suppress(OSError):
            _OOM_SCORE.write_text(_FIRST_TO_END, "ascii")
        serve(socket.socket(fileno=channel_fd), fd)
        status = 0
    finally:
        os._exit(status)


def _rename(name: str) -> None:
    """Stand under another name in lists of processes than the one that was forked."""
    fields = _STAT.read_text("ascii", "replace").rpartition(") ")[2].split()
    start, end = (int(fields[number - 3]) for number in _ARGUMENTS)  # the third is the first here
    ctypes.memmove(start, name.encode()[: end - start - 1].ljust(end - start, b"\0"), end - start)


def _keep_only(control: socket.socket) -> None:
    """Close what belongs to the process that was forked: its end is told by its sockets' end."""
    fd = control.fileno()
    os.closerange(_FIRST_FD, fd)
    os.closerange(fd + 1, os.sysconf("SC_OPEN_MAX"))
