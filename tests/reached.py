# SPDX-License-Identifier: AGPL-3.0-or-later
"""Plugin of pytest for tests/mutants.py: which tests reach which function, or only chosen tests.

``REACHED`` names a folder to write to what was reached: a file for each process. ``CHOSEN`` names
a list of tests; they run in its order, and no others.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

REACHED, CHOSEN = os.environ.get("REACHED"), os.environ.get("CHOSEN")
# Of each function, tests by name, or a file of tests where something that they share reached it.
_tests: defaultdict[str, set[str]] = defaultdict(set)
_seconds: defaultdict[str, float] = defaultdict(float)
_failed: set[str] = set()


def _note(test: str) -> None:
    """What was called since the last time was called by this test."""
    from mutmut.state import state  # noqa: PLC0415  # not there where mutants are not made

    for function in state()._stats:
        _tests[function].add(test)
    state()._stats.clear()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Iterator[None]:
    """Tell apart what a test and what all tests of a file rely on."""
    is_noted = REACHED and fixturedef.scope != "function"
    if is_noted:
        _note(request._pyfuncitem.nodeid)
    result = yield
    if is_noted:
        _note(request._pyfuncitem.nodeid.partition("::")[0])
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if REACHED:
        _note(item.nodeid)
        _seconds[item.nodeid] += call.duration
        if report.failed:
            _failed.add(item.nodeid)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    yield
    if CHOSEN:
        rank = {name: i for i, name in enumerate(json.loads(Path(CHOSEN).read_text("utf-8")))}
        items[:] = [item for item in items if item.nodeid in rank]
        items.sort(key=lambda item: rank[item.nodeid])


def pytest_sessionfinish() -> None:
    if REACHED and _seconds:
        found = {
            "tests": {name: sorted(tests) for name, tests in _tests.items()},
            "seconds": _seconds,
            "failed": sorted(_failed),
        }
        Path(REACHED, f"{os.getpid()}.json").write_text(json.dumps(found), "utf-8")
