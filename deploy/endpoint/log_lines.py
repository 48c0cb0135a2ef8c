# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the lines of a container's log say: which tell of something that went wrong, and why.

A container writes one JSON object per line (docs/operations.md). What TorchServe's worker prints
past its logger, such as the trace of an import that fails, comes as one such object per line; and
what is written before the log exists is no JSON.
"""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_BAD_LEVELS = {"ERROR", "CRITICAL", "FATAL"}
_AGAIN_MS = 300_000  # the same is told again after that
_LONGEST_CAUSE = 400  # characters; OpenVINO's may have thousands, and several lines
_TRACE = "Traceback (most recent call last):"
_WHILE = "During handling of the above exception, another exception occurred:"
_BECAUSE = "The above exception was the direct cause of the following exception:"
_FRAME = re.compile(r'^ +File "([^"]+)", line (\d+)', re.MULTILINE)
# What Java and TorchServe print of this machine, whatever happens.
_HARMLESS = re.compile(r"WARNING: |OpenJDK .*warning: |nvidia-smi |Picked up ")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a log.

    Attributes:
        stream: Name of the log stream: variant and instance.
        fields: Of the event; of a line that is no event `time` and `message`.
        is_event: Whether it is one.
    """

    stream: str
    fields: Mapping[str, Any]
    is_event: bool = True

    def __str__(self) -> str:
        return json.dumps({"stream": self.stream, **self.fields}, ensure_ascii=False)

    @property
    def message(self) -> str:
        return str(self.fields.get("message", ""))

    @property
    def trace(self) -> str:
        """Of an exception; empty for none."""
        return str(self.fields.get("trace", ""))


def parse_line(event: Mapping[str, Any]) -> Line:
    """An event as `filter_log_events` tells it."""
    stream, text = str(event.get("logStreamName", "")), str(event["message"]).rstrip("\n")
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict) and "event" in found:
        return Line(stream, found)
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    time = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Line(stream, {"time": time, "message": text}, is_event=False)


class Errors:
    """The lines that tell of something that went wrong, each once in five minutes."""

    def __init__(self) -> None:
        self._told: dict[tuple[object, ...], datetime] = {}
        self._open: dict[str, list[Line]] = {}
        self.repeated = 0

    def of(self, lines: Iterable[Line], *, goes_on: bool = False) -> Iterator[Line]:
        """Those of some lines; a trace that came in several is one line.

        Args:
            lines: What is new.
            goes_on: The rest of a trace may come with the next ones; it is told once its worker
                has nothing new.
        """
        lines = list(lines)
        found = list(_joined(lines, self._open))
        heard = {line.stream for line in lines if _is_workers(line)} if goes_on else set()
        quiet = [stream for stream in self._open if stream not in heard]
        found += [_as_one(self._open.pop(stream)) for stream in quiet]
        for line in found:
            if _is_bad(line) and self._is_news(line):
                yield line

    def _is_news(self, line: Line) -> bool:
        at = _time(line)
        key = _what(line)
        before = self._told.get(key)
        if before and (at - before).total_seconds() * 1000 < _AGAIN_MS:
            self.repeated += 1
            return False
        self._told[key] = at
        return True


def cause_of(lines: Iterable[Line], *, has_started: bool = False) -> str:
    """Why a container failed, as its log tells it last; empty if it does not.

    A refusal says most, then the exception of a trace, then what was printed without a log, which
    tells nothing once the container has started.
    """
    refusal = trace = printed = ""
    open_ = dict[str, list[Line]]()
    joined = [*_joined(lines, open_), *map(_as_one, open_.values())]
    for line in filter(_is_bad, joined):
        if line.fields.get("event") == "refused":
            refusal = str(line.fields.get("reason", line.message))
        elif line.trace:
            trace = root_of(line.trace)
        elif line.message and (line.is_event or not has_started):
            printed = line.message.strip()
    return textwrap.shorten(refusal or trace or printed, _LONGEST_CAUSE, placeholder=" …")


def root_of(trace: str) -> str:
    """The exception that a trace began with and where; one that it was raised from is told by it.

    TorchServe looks for a handler that cannot be imported in another place, and ends with that.
    """
    first = trace.split(_WHILE, maxsplit=1)[0].rsplit(_BECAUSE, maxsplit=1)[-1]
    told = [line for line in first.splitlines() if line.strip() and not line[0].isspace()]
    places = _FRAME.findall(first)
    where = f" ({PurePosixPath(places[-1][0]).name}, line {places[-1][1]})" if places else ""
    return f"{told[-1].strip() if told else ''}{where}"


def _joined(lines: Iterable[Line], open_: dict[str, list[Line]]) -> Iterator[Line]:
    """The same, with each trace that the worker printed line by line as one line.

    Args:
        lines: Some.
        open_: By stream the lines of a trace that may go on; that is changed.
    """
    for line in lines:
        block = open_.get(line.stream)
        if not _is_workers(line):
            yield line
        elif block and _goes_on(block, line.message):
            block.append(line)
        else:
            if block:
                yield _as_one(open_.pop(line.stream))
            if line.message.startswith(_TRACE):
                open_[line.stream] = [line]
            else:
                yield line


def _is_workers(line: Line) -> bool:
    """Whether TorchServe's worker has printed it."""
    return line.fields.get("logger") == "MODEL_LOG" or not line.is_event


def _goes_on(block: list[Line], text: str) -> bool:
    """Whether a line belongs to a trace: a frame, the exception, or a further trace."""
    more = {_TRACE, _WHILE, _BECAUSE}
    said = [line.message for line in block if line.message.strip()]
    has_ended = said[-1] not in more and not said[-1][0].isspace()
    return not text.strip() or text in more or not has_ended


def _as_one(block: list[Line]) -> Line:
    trace = "\n".join(line.message for line in block).strip()
    first = block[0].fields
    kept = {key: first[key] for key in ("time", "logger") if key in first}
    fields = {**kept, "level": "ERROR", "event": "log", "message": root_of(trace), "trace": trace}
    return Line(block[0].stream, fields)


def _is_bad(line: Line) -> bool:
    """Whether it tells of what went wrong here; what a caller did wrong is no error of ours."""
    fields = line.fields
    if not line.is_event:
        return bool(line.message.strip()) and not _HARMLESS.match(line.message)
    if fields["event"] == "refused" or fields.get("level") in _BAD_LEVELS:
        return True
    if str(fields.get("logger", "")).startswith("roomdet") and fields.get("level") == "WARNING":
        return True
    status = fields.get("status", 0)
    return isinstance(status, int) and status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _what(line: Line) -> tuple[object, ...]:
    """What makes two lines the same: not who asked when, nor which worker said it."""
    fields = line.fields
    if line.trace:
        return "trace", root_of(line.trace)
    if "status" in fields:
        return fields.get("event"), fields["status"], fields.get("outcome"), fields.get("path")
    return fields.get("event"), fields.get("reason"), re.sub(r"[0-9a-f-]{36}|\d+", "", line.message)


def _time(line: Line) -> datetime:
    try:
        return datetime.fromisoformat(str(line.fields["time"]))
    except (KeyError, ValueError):
        return datetime.now(UTC)
