# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lines on stdout, one JSON object each: ours, and TorchServe's as they pass through.

TorchServe tells in its log alone why a model does not load, so its log is read on the way.
"""

from __future__ import annotations

import json
import os
import select
import threading
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# What the handler logs when it refuses to load (handler/room_handler.py).
REFUSAL = "The room detector refuses to start:"
# What TorchServe 0.12 logs when it goes on without the archive (ModelServer.java) and when it
# will start a worker that ended once more (WorkerThread.java).
NOT_LOADED = "Failed to load model:"
RETRY = "Retry worker:"
_STDOUT = 1
# What a pipe that can be written to takes at once (PIPE_BUF, pipe(7)).
_PIPE_BYTES = 4096
_PATIENCE_S = 2.0  # with who reads the log and has stopped to


def log(message: str, level: str = "INFO") -> None:
    """Write one line of our own to stdout."""
    _OUTPUT.write(_entry(message, level))


def _entry(message: str, level: str) -> bytes:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    entry = {"time": now, "level": level, "event": "log", "logger": "serve", "message": message}
    # A name of a file that is not UTF-8 becomes question marks.
    return json.dumps(entry, ensure_ascii=False).encode(errors="replace")


class _Output:
    """Standard output, for which nobody waits long: lines that nobody takes are lost, and counted.

    A full pipe would stop process 1 and then TorchServe, which logs each request, and so every
    client.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lost = 0
        self._is_cut = False  # the last line that was begun has no end

    def write(self, line: bytes) -> None:
        """Write a line, or count it as lost."""
        with self._lock:
            if self._lost:
                told = f"{self._lost} lines of the log were lost: nobody read it"
                if not self._send(_entry(told, "WARNING"), 0.0):
                    self._lost += 1
                    return
                self._lost = 0
            if not self._send(line, _PATIENCE_S):
                self._lost += 1

    def _send(self, line: bytes, patience_s: float) -> bool:
        whole = rest = (b"\n" if self._is_cut else b"") + line + b"\n"
        try:
            while rest:
                if not select.select([], [_STDOUT], [], patience_s)[1]:
                    self._is_cut = self._is_cut or rest != whole
                    return False
                rest = rest[os.write(_STDOUT, rest[:_PIPE_BYTES]) :]
        except (OSError, ValueError):
            return True  # nobody will read the log any more; serving goes on
        self._is_cut = False
        return True


_OUTPUT = _Output()


class Relay(threading.Thread):
    """Passes a program's output on to stdout, line by line, and remembers why it fails.

    A line that is no JSON object becomes the message of one.

    Args:
        output: The read end of the program's stdout.
    """

    def __init__(self, output: IO[bytes]) -> None:
        super().__init__(name="relay", daemon=True)
        self._output = output
        self._refusal = ""
        self._retries = 0

    def run(self) -> None:
        """Pass on lines until the program closes its output."""
        for line in self._output:
            text = line.rstrip().decode(errors="replace")
            if text:
                entry = _parse(text)
                self._remember(entry or {"message": text})
                if entry is None:
                    log(text)
                else:
                    _OUTPUT.write(text.encode())

    @property
    def refusal(self) -> str:
        """Why the model does not load; empty while nothing says that it does not."""
        return self._refusal

    @property
    def retries(self) -> int:
        """How often a worker ended and was to be started again."""
        return self._retries

    def _remember(self, entry: Mapping[str, object]) -> None:
        message, trace = str(entry.get("message", "")), str(entry.get("trace", ""))
        for marker in (REFUSAL, NOT_LOADED):
            _, found, reason = message.partition(marker)
            if found and not self._refusal:
                # The name of the archive says little; what was thrown is in the trace's first line.
                told = (reason.strip() or marker, trace.strip().partition("\n")[0])
                self._refusal = ": ".join(filter(None, told))
        self._retries += RETRY in message


def _parse(text: str) -> dict[str, object] | None:
    """The JSON object that a line is; None if it is none."""
    if not text.startswith("{"):
        return None
    try:
        entry = json.loads(text)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
