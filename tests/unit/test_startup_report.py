# SPDX-License-Identifier: AGPL-3.0-or-later
"""The program that measures starts: what it reads from logs, and the tables that it writes."""

from __future__ import annotations

import json
import os
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.startup.one import Started, begun_at_s, logged_s, medians
from benchmarks.startup.report import with_figures
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENT = ROOT / "docs" / "start-up.md"
FIGURES = ROOT / "benchmarks" / "startup" / "figures.json"


def column(ms: int) -> dict[str, Any]:
    """What was measured with one page cache."""
    return {
        "stages_ms": {"process 1": ms, "first answer": 2 * ms},
        "until_ms": {"first answer": 3 * ms},
        "used": {"JVM": {"processor_ms": ms, "resident_mb": 7, "read_mb": 0}},
        "answers_ms": [3 * ms - 1, 3 * ms + 1],
    }


def report(name: str, place: str, ms: int) -> dict[str, Any]:
    """What was measured of one checkout in one place."""
    described = {"cores": 2, "cpu": "Some CPU", "date": "2026-01-02"}
    caches = {"warm": column(ms), "cold": column(10 * ms)}
    return {"name": name, "commit": f"c-{name}", "place": place, "machine": described, **caches}


REPORTS = [report("before", "here", 200), report("now", "here", 100), report("now", "image", 50)]


def test_the_document_shows_the_committed_figures() -> None:
    """The report program would change nothing, and there is something to change."""
    text = DOCUMENT.read_text("utf-8")

    assert "<!-- figures:" in text
    assert with_figures(text, json.loads(FIGURES.read_text())) == text


def test_blocks_are_filled_and_the_rest_stays() -> None:
    """A column for each checkout and page cache, a row for each stage and program."""
    old = "\n".join(
        f"{name}\n<!-- figures:{name} -->\nold\n<!-- /figures -->\nafter"
        for name in ("here", "image", "machine")
    )

    document = with_figures(old, REPORTS)

    assert document == with_figures(document, REPORTS)
    assert re.sub(r"(:\w+ -->\n).*?(\n<!-- /)", r"\1old\2", document, flags=re.DOTALL) == old
    assert "| milliseconds | before, warm | now, warm | before, cold | now, cold |" in document
    assert "| process 1 | 200 | 100 | 2000 | 1000 |" in document
    assert "| **start to first answer** | **150** (149–151) | **1500** (1499–1501) |" in document
    assert "| JVM: processor time, ms | 50 | 500 |" in document
    assert "2 cores of Some CPU, 2026-01-02; before is c-before, now is c-now." in document


def test_a_place_that_was_not_measured_is_a_mistake() -> None:
    """It is not left as it was."""
    with pytest.raises(KeyError):
        with_figures("<!-- figures:moon -->\n1\n<!-- /figures -->", REPORTS)


def server(log: str) -> Started:
    """One that has logged something."""
    return Started("127.0.0.1:1", dict, lambda: log)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(lambda second: f"10:00:{second}.250 INFO  X - ", id="a laptop's"),
        pytest.param(
            lambda second: f'{{"time":"2026-01-02T10:00:{second}.250Z","message":"', id="JSON"
        ),
    ],
)
def test_the_time_of_a_line_is_read(line: Callable[[str], str]) -> None:
    """That of the first line that has the text, or of the one above where it has none."""
    lines = [line("01") + "one", "a trace", line("03") + "two", line("05") + "two"]
    running = server("\n".join(lines))

    assert logged_s("two", running) - logged_s("a trace", running) == pytest.approx(2)
    with pytest.raises(RuntimeError, match="'three' was not logged"):
        logged_s("three", running)


def test_the_median_of_each_figure_is_taken() -> None:
    """However deep it lies."""
    assert medians([{"a": {"b": 1}}, {"a": {"b": 9}}, {"a": {"b": 2}}]) == {"a": {"b": 2}}


def test_a_process_began_before_now() -> None:
    """In the same clock as a log line."""
    assert 0 <= time.time() - begun_at_s(os.getpid()) < 3600
