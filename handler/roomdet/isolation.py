# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pages read where reading can be ended: in processes beside the worker, within time and memory.

A decoder that does not come to an end, takes memory without end or crashes costs its own row a 4xx
and nobody else anything. See docs/decisions/0030-pages-in-their-own-process.md.
"""

from __future__ import annotations

import json
import select
import signal
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from roomdet.errors import FileTooLarge, InvalidFileFormat, PageTooSlow, RequestError
from roomdet.filetypes import FileType, identify
from roomdet.fork_server import Child, ForkServer
from roomdet.page_process import (
    GRANTED,
    MESSAGE_BYTES,
    TURN,
    memory_for,
    page_of,
    serve_pages,
)
from roomdet.shared_memory import SharedMemory

if TYPE_CHECKING:
    import socket

    from roomdet.config import Config, Limits
    from roomdet.page import Page

# How a process ends that got no memory: by PDFium (SIGTRAP, SIGILL or SIGABRT) or Rust (SIGABRT).
_WITHOUT_MEMORY = (signal.SIGTRAP, signal.SIGILL, signal.SIGABRT)
# The operating system ends it first (SIGKILL) where a container has no memory left, whoever took
# it: one page may be read again.
_TRIES = 2
# Shared memory that is kept with its process: a first level of 640 x 640 px, and most files.
_MOST_KEPT_BYTES = 4 * 2**20
_NAME = "roomdet: reads pages"
_IDLE_S = 3.0  # a further process waits so long for further rows of batches
_LEAST_WAIT_S = 0.001  # 0 would not wait at all, and say so with another error


@dataclass(frozen=True, slots=True)
class PageCeiling:
    """What one page may take.

    Attributes:
        seconds: Of wall clock, without the wait for another row's large picture.
        mb: MiB of memory; 0 is no limit.
    """

    seconds: float
    mb: int


def page_ceiling(config: Config) -> PageCeiling:
    """What an operator grants to a page: no more memory than to requests as a whole."""
    allowances_mb = [mb for mb in (config.page_mb, config.memory_mb) if mb]
    return PageCeiling(config.page_seconds, min(allowances_mb, default=0))


class _Killed(Exception):
    """The process that read a page was ended by SIGKILL, and not by us."""


class IsolatedReader:
    """Reads pages like :func:`roomdet.images.read_page`, in processes that are kept warm.

    To be made before this process has threads. May be used by several threads at once: each has a
    process to itself for the time of a page.

    Args:
        limits: What is refused.
        ceiling: What a page may take.
    """

    def __init__(self, limits: Limits, ceiling: PageCeiling) -> None:
        self._limits, self._ceiling = limits, ceiling
        serve = partial(serve_pages, limits=limits, page_mb=ceiling.mb)
        self._forks = ForkServer(serve, _NAME)
        self._lock = threading.Lock()  # of the next two
        self._idle: list[_Reader] = []
        self._has_kept = False
        self._turn = threading.Lock()

    def read_page(
        self,
        data: bytes,
        *,
        page: int,
        side_px: int,
        most_s: float | None = None,
        has_lines: bool = False,
        has_linework: bool = False,
    ) -> Page:
        """Read one page.

        Args:
            data: The file.
            page: Counted from 1.
            side_px: Longer side of the page that is returned.
            most_s: Seconds, where there are fewer than the ceiling's.
            has_lines: As of :func:`roomdet.images.read_page`.
            has_linework: As of it.

        Returns:
            A page whose pixels are read-only.

        Raises:
            PageTooSlow: If it takes longer.
            RequestError: As :func:`roomdet.images.read_page`, and if the page takes too much
                memory or the decoder crashes.
            ForkServerEnded: If nothing can be read any more.
        """
        seconds = self._ceiling.seconds if most_s is None else min(most_s, self._ceiling.seconds)
        ends_s = time.monotonic() + seconds
        asked = {"page": page, "side_px": side_px, "size": len(data)}
        asked |= {"has_lines": has_lines, "has_linework": has_linework}
        try:
            for _ in range(_TRIES):
                with suppress(_Killed):
                    return self._read(data, asked, ends_s - time.monotonic())
        except TimeoutError:
            raise _too_slow(data, page, seconds) from None
        raise _too_much_memory(data, page, self._ceiling.mb)

    def _read(self, data: bytes, asked: dict[str, Any], seconds: float) -> Page:
        """Have a process read a page.

        Raises:
            TimeoutError: If it takes longer.
            _Killed: If the process was.
            RequestError, ForkServerEnded: As :meth:`read_page`.
        """
        page, reader = asked["page"], self._take()
        shared_bytes = memory_for(
            data, asked["side_px"], has_lines=asked["has_lines"], has_linework=asked["has_linework"]
        )
        asked = asked | {"memory": shared_bytes, "idle_s": reader.idle_s}
        try:
            shared = reader.memory.of(shared_bytes)
            shared[: len(data)] = data
            answer = self._ask(reader.channel, asked, seconds)
        except (EOFError, ConnectionError):
            by_signal = self._end(reader)
            if not by_signal and reader.idle_s:  # it ended for want of work, just now
                return self._read(data, asked, seconds)
            if by_signal == signal.SIGKILL:
                raise _Killed from None
            raise _crashed(data, page, self._ceiling.mb, by_signal) from None
        except BaseException:
            self._end(reader)
            raise
        is_last = answer["is_last"] or len(shared) > _MOST_KEPT_BYTES
        if is_last:
            self._end(reader)
        try:
            return page_of(answer, shared, is_copied=not is_last)
        except MemoryError:
            raise _too_much_memory(data, page, self._ceiling.mb) from None
        finally:
            if not is_last:
                self._idle.append(reader)

    def close(self) -> None:
        """End all processes; no page is being read."""
        for reader in self._idle:
            reader.channel.close()
        self._forks.close()

    def _take(self) -> _Reader:
        """A process that is free; the first is kept, others end when there is no work for them."""
        with self._lock:
            while self._idle:
                reader = self._idle.pop()
                # A process that is not asked says nothing, unless it has ended.
                if not select.select([reader.channel], [], [], 0)[0]:
                    return reader
                self._end(reader)
            idle_s = _IDLE_S if self._has_kept else None
            self._has_kept = True
        memory = SharedMemory()
        return _Reader(self._forks.fork(memory.fd), memory, idle_s)

    def _end(self, reader: _Reader) -> int:
        """End a process; return the number of the signal that ended it."""
        if reader.idle_s is None:
            self._has_kept = False
        return self._forks.end(reader.child)

    def _ask(self, channel: socket.socket, asked: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The process's answer; while it waits for its turn, its time stands still.

        Raises:
            TimeoutError: If there is none in time.
            EOFError, ConnectionError: If the process ended instead.
        """
        ends_s, has_turn = time.monotonic() + seconds, False
        with ExitStack() as until_answered:
            channel.settimeout(max(seconds, _LEAST_WAIT_S))
            channel.send(json.dumps(asked).encode())
            while (message := channel.recv(MESSAGE_BYTES)) == TURN:
                if not has_turn:  # kept until there is an answer, however often it is asked for
                    waits_s, has_turn = time.monotonic(), True
                    until_answered.enter_context(self._turn)
                    ends_s += time.monotonic() - waits_s
                channel.send(GRANTED)
                channel.settimeout(max(ends_s - time.monotonic(), _LEAST_WAIT_S))
            if not message:
                raise EOFError
            answer: dict[str, Any] = json.loads(message)
            return answer


@dataclass(frozen=True, slots=True)
class _Reader:
    """A process that reads pages.

    Attributes:
        child: The process.
        memory: Where its files and pixels lie.
        idle_s: Seconds without work after which it ends; None if it is kept.
    """

    child: Child
    memory: SharedMemory
    idle_s: float | None

    @property
    def channel(self) -> socket.socket:
        """To the process."""
        return self.child.channel


def _too_slow(data: bytes, page: int, seconds: float) -> PageTooSlow:
    return PageTooSlow(
        f"{_name(data, page)} takes more time than the {seconds:g} s that a page may take; "
        f"{_advice(data)}",
        {"limit_seconds": seconds},
    )


def _too_much_memory(data: bytes, page: int, limit_mb: int) -> FileTooLarge:
    limit = f"the {limit_mb:,} MiB that a page may take" if limit_mb else "there is"
    return FileTooLarge(
        f"{_name(data, page)} needs more memory than {limit}; {_advice(data)}",
        {"limit_mb": limit_mb} if limit_mb else None,
    )


def _crashed(data: bytes, page: int, limit_mb: int, by_signal: int) -> RequestError:
    """The error for a file on which the process ended."""
    if by_signal in _WITHOUT_MEMORY:
        return _too_much_memory(data, page, limit_mb)
    return InvalidFileFormat(
        f"{_name(data, page)} is damaged in a way that ends its decoder; {_advice(data)}",
        {"found": _kind(data)},
        reason=f"the process that read the page ended by signal {by_signal}",
    )


def _kind(data: bytes) -> str:
    kind = identify(data)
    return kind.value if isinstance(kind, FileType) else kind


def _name(data: bytes, page: int) -> str:
    return f"page {page} of the {_kind(data)} file"


def _advice(data: bytes) -> str:
    if identify(data) is FileType.PDF:
        return "flatten its layers and transparency, or send the page as PNG"
    return "send it with fewer pixels, as PNG or JPEG"
