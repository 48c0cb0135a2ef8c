# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the process does that reads pages, and how worker and process talk.

Messages are JSON, files and pixels lie in shared memory: nothing that comes from a process in which
a caller's file was read is executed, and sizes are checked.
"""

from __future__ import annotations

import json
import mmap
import os
import traceback
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from roomdet import errors, linework
from roomdet.errors import RequestError
from roomdet.images import read_page
from roomdet.memory import give_back, limit_memory
from roomdet.page import Page, turn
from roomdet.shared_memory import SharedMemory
from roomdet.texts import MOST_BYTES, pack_lines, unpack_lines

if TYPE_CHECKING:
    import socket

    from roomdet.config import Limits

MESSAGE_BYTES = 65_536
# Messages: a page is asked for, a turn is asked for and granted, and there is a page or an error.
TURN, GRANTED = b'"turn"', b'"granted"'
MEMORY, UNFORESEEN = "MemoryError", "unforeseen"
_TRACE_CHARS = 8000
_CHANNELS = 3
# A process that keeps so much more than it had when it was forked ends after its answer.
_MOST_KEPT_BYTES = 32 * 2**20
_BRIEF_S = 0.2  # after which nothing is kept for a next page that is there at once


def serve_pages(channel: socket.socket, memory_fd: int, *, limits: Limits, page_mb: int) -> None:
    """Read pages, one after the other, until nobody asks any more.

    Args:
        channel: To the worker.
        memory_fd: Of the memory in which the worker puts files and finds pixels.
        limits: What is refused.
        page_mb: Memory in MiB that a page may take; 0 is no limit.
    """
    limit_memory(page_mb)
    turn.lock = _TurnOfWorker(channel)
    memory, own_memory = SharedMemory(memory_fd), _OwnMemory()
    had_bytes = own_memory.bytes()
    idle_s: float | None = None
    while message := _next_message(channel, idle_s):
        asked = json.loads(message)
        idle_s = asked["idle_s"]
        answer = _answer(asked, memory, limits)
        has_grown = own_memory.bytes() - had_bytes > _MOST_KEPT_BYTES
        answer["is_last"] = has_grown or answer.get("error") in (MEMORY, UNFORESEEN)
        channel.send(json.dumps(answer, default=str).encode())
        if answer["is_last"]:
            return


def _next_message(channel: socket.socket, idle_s: float | None) -> bytes:
    """What is asked next; nothing if nobody asks any more, or not for ``idle_s`` seconds."""
    for waits_s in (_BRIEF_S, idle_s):
        channel.settimeout(waits_s)
        try:
            message = channel.recv(MESSAGE_BYTES)
        except TimeoutError:
            give_back()
        else:
            channel.settimeout(None)  # a turn is waited for as long as it takes
            return message
    return b""


def memory_for(data: bytes, side_px: int, *, has_lines: bool, has_linework: bool = False) -> int:
    """Bytes of shared memory that hold a file, and after it its page, whatever its form."""
    more = (MOST_BYTES if has_lines else 0) + (linework.MOST_BYTES if has_linework else 0)
    return max(len(data), side_px * side_px * _CHANNELS + more)


def _answer(asked: dict[str, Any], memory: SharedMemory, limits: Limits) -> dict[str, Any]:
    shared = memory.of(asked["memory"])
    file = shared[: asked["size"]]
    try:
        page = read_page(
            file,
            page=asked["page"],
            side_px=asked["side_px"],
            limits=limits,
            has_lines=asked["has_lines"],
            has_linework=asked["has_linework"],
        )
    except MemoryError:
        return {"error": MEMORY}
    except RequestError as err:
        if isinstance(err.__cause__, MemoryError):
            return {"error": MEMORY}
        fields = {"error": type(err).__name__, "message": str(err), "details": err.details}
        return fields | {"reason": err.reason}
    except Exception:  # noqa: BLE001  # told to the worker, which logs it
        return {"error": UNFORESEEN, "message": traceback.format_exc()[-_TRACE_CHARS:]}
    height, width, _ = page.pixels.shape
    np.frombuffer(shared, np.uint8, page.pixels.size).reshape(page.pixels.shape)[:] = page.pixels
    lines = pack_lines(page.lines) if asked["has_lines"] else b""
    drawn = linework.pack_linework(page.linework) if asked["has_linework"] else b""
    shared[page.pixels.size : page.pixels.size + len(lines) + len(drawn)] = lines + drawn
    return {
        "source_wh": page.source_wh,
        "native_px": page.native_px,
        "pixel_count": page.pixel_count,
        "number": page.number,
        "count": page.count,
        "size_hw": (height, width),
        "paper_wh_pt": page.paper_wh_pt,
        "lines": len(lines),
        "linework": len(drawn),
    }


def page_of(answer: dict[str, Any], shared: mmap.mmap, *, is_copied: bool) -> Page:
    """The page that was read.

    Args:
        answer: Of the process.
        shared: Where the process put the pixels.
        is_copied: Whether the page is to have its pixels for itself, because the memory will be
            used again.

    Raises:
        RequestError: What was wrong with the file.
        MemoryError: If it takes more memory than there is for a page.
        RuntimeError: If reading failed otherwise; with the trace of it.
    """
    if answer.get("error") == MEMORY:
        raise MemoryError
    if answer.get("error") == UNFORESEEN:
        raise RuntimeError(answer["message"])
    if "error" in answer:
        kind = getattr(errors, answer["error"])
        raise kind(answer["message"], answer["details"], reason=answer["reason"])
    height, width = answer["size_hw"]
    pixels = np.frombuffer(shared, np.uint8, height * width * _CHANNELS)
    pixels = pixels.reshape(height, width, _CHANNELS)
    lines = shared[pixels.size : pixels.size + answer["lines"]]
    drawn = shared[pixels.size + len(lines) : pixels.size + len(lines) + answer["linework"]]
    paper_wh_pt = answer["paper_wh_pt"]
    return Page(
        pixels.copy() if is_copied else pixels,
        tuple(answer["source_wh"]),
        answer["native_px"],
        answer["pixel_count"],
        number=answer["number"],
        count=answer["count"],
        lines=unpack_lines(lines) if lines else (),
        paper_wh_pt=tuple(paper_wh_pt) if paper_wh_pt else None,
        linework=linework.unpack_linework(drawn),
    )


class _TurnOfWorker(AbstractContextManager[object]):
    """The worker's turn for a large picture, held until it has the answer."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def __enter__(self) -> object:
        self._channel.send(TURN)
        if self._channel.recv(MESSAGE_BYTES) != GRANTED:
            raise SystemExit  # the worker is gone
        return self

    def __exit__(self, *_: object) -> None:
        """The worker takes it back."""


class _OwnMemory:
    """Resident memory of this process that is no file's and shared with no other."""

    def __init__(self) -> None:
        self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)

    def bytes(self) -> int:
        _, resident, shared, *_ = map(int, os.pread(self._statm, 256, 0).split())
        return (resident - shared) * mmap.PAGESIZE
