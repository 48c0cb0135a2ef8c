# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lines on stdout, one JSON object each: ours, and TorchServe's as they pass through.

TorchServe tells in its log alone why a model does not load, so its log is read on the way.
"""

from __future__ import annotations

import json
import os
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
_LOCK = threading.Lock()


def log(message: str, level: str = "INFO") -> None:
    """Write one line of our own to stdout."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    entry = {"time": now, "level": level, "event": "log", "logger": "serve", "message": message}
    # A name of a file that is not UTF-8 becomes question marks.
    _write(json.dumps(entry, ensure_ascii=False).encode(errors="replace"))


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
                    _write(text.encode())

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


def _write(line: bytes) -> None:
    rest = line + b"\n"
    with _LOCK:
        try:
            while rest:
                rest = rest[os.write(_STDOUT, rest) :]
        except OSError:
            return  # nobody reads the log any more; serving goes on
