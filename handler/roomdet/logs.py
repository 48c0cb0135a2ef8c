# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a worker says: one line for each log record, as JSON.

The server reads a worker's output line by line, so a trace of many lines would become as many
records. Records that a program should understand are events: they carry fields beside their text.
``ready`` and ``refused`` are read by the server's ``/ping`` (docker/endpoints), ``request`` is the
one line of each request.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# TorchServe takes metrics from lines that start like this; they must stay as they are.
_METRICS_LINE = "[METRICS]"


class JsonLine(logging.Formatter):
    """Writes a record as one line of JSON, its trace included."""

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if text.startswith(_METRICS_LINE):
            return text
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "event": "log",
            **getattr(record, "fields", {"logger": record.name}),
        }
        if text:
            line["message"] = text
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        # ASCII: whatever the locale and the server make of other characters, this stays JSON.
        return json.dumps(line, separators=(",", ":"), default=str)


def write_json_lines() -> None:
    """Let every handler of this process's root logger write JSON lines."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(JsonLine())


def event(name: str, fields: Mapping[str, object]) -> dict[str, object]:
    """The ``extra`` of a log call that makes its record an event."""
    return {"fields": {"event": name, **fields}}
