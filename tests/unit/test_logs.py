# SPDX-License-Identifier: AGPL-3.0-or-later
"""A worker's log: one JSON object per record, whatever is in it."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from roomdet.logs import JsonLine, event, write_json_lines

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """What a logger of its own writes, each record through the formatter."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLine())
    logger = logging.getLogger("tests.logs")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    yield stream
    logger.removeHandler(handler)
    logger.propagate = True


LOGGER = logging.getLogger("tests.logs")


def only_line(output: io.StringIO) -> dict[str, Any]:
    """The one line that was written, parsed."""
    (line,) = output.getvalue().splitlines()
    assert line.isascii()
    document: dict[str, Any] = json.loads(line)
    return document


def test_a_record_has_time_level_logger_and_message(output: io.StringIO) -> None:
    """The time is UTC, in milliseconds."""
    LOGGER.warning("%d rooms on %s", 3, 'a "plan"\nof two lines')

    line = only_line(output)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "WARNING",
        "event": "log",
        "logger": "tests.logs",
        "message": '3 rooms on a "plan"\nof two lines',
    }


def test_a_trace_stays_in_its_line(output: io.StringIO) -> None:
    """Otherwise a server that reads lines would make a record of each frame."""
    try:
        int("x")
    except ValueError:
        LOGGER.exception("Request %s failed", "id-1")

    line = only_line(output)
    assert line["message"] == "Request id-1 failed"
    assert line["trace"].startswith("Traceback (most recent call last):\n")
    assert "ValueError: invalid literal" in line["trace"]


def test_an_event_carries_its_fields(output: io.StringIO) -> None:
    """An event without text has no message; what JSON cannot hold becomes text."""
    LOGGER.info("", extra=event("request", {"id": "1", "status": 200, "where": {1}}))

    line = only_line(output)
    assert list(line)[:3] == ["time", "level", "event"]
    assert (line["event"], line["id"], line["status"], line["where"]) == (
        "request",
        "1",
        200,
        "{1}",
    )
    assert "message" not in line


@pytest.mark.parametrize(
    "text",
    ["\ud800", "Küche 厨房", "\u2028\x00\x1b[31m"],
    ids=["half a pair", "scripts", "controls"],
)
def test_any_text_is_kept(text: str) -> None:
    """Half a surrogate pair, other scripts, control characters."""
    # Not through a logger: pytest keeps what loggers write, and cannot send half a pair on.
    record = logging.makeLogRecord({"msg": "%s", "args": (text,)})

    line = JsonLine().format(record)

    assert line.isascii()
    assert json.loads(line)["message"] == text


def test_torchserves_metrics_pass_as_they_are(output: io.StringIO) -> None:
    """Its frontend reads them by their first characters."""
    metric = "[METRICS]rooms.Count:1|#Level:Model|#type:COUNTER|#hostname:h,1"
    LOGGER.info(metric)

    assert output.getvalue() == metric + "\n"


def test_every_handler_of_the_root_logger_is_set() -> None:
    """TorchServe's own worker logs through it."""
    handler = logging.StreamHandler(io.StringIO())
    root = logging.getLogger()
    before = {handler: handler.formatter for handler in root.handlers}
    root.addHandler(handler)
    try:
        write_json_lines()

        assert isinstance(handler.formatter, JsonLine)
    finally:
        root.removeHandler(handler)
        for other, formatter in before.items():
            other.setFormatter(formatter)
