# SPDX-License-Identifier: AGPL-3.0-or-later
"""The short forms of tests/torture, against a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.torture import hostile, same
from tests.torture.asking import Asker
from tests.torture.inputs import ask, mutants

if TYPE_CHECKING:
    from serving.server import LocalServer

HUNG_S = 60.0


def test_what_was_made_to_harm_is_answered(server: LocalServer) -> None:
    """Lies, files of two kinds, impossible pages, odd envelopes, mutants: 200 or 4xx.

    Bombs, and bounds of time and memory: ``make torture TORTURE=inputs``.
    """
    asker = Asker(server, most_s=HUNG_S, most_mb=float("inf"))
    asker.begin()
    count, _ = ask(asker, hostile.quick_requests())
    ask(asker, mutants(40, seed=1))

    assert asker.found == []
    assert count > 100
    assert {200, 400, 413} <= set(asker.statuses)


def test_the_same_bytes_get_the_same_answer(server: LocalServer) -> None:
    """One by one and eight at once; restarts, workers, batches: ``make torture TORTURE=same``."""
    files = same.pictures(6)
    first = same.one_by_one(server, files)

    assert same.compare("at once", first, same.at_once(server, files)) == []
    assert sum(map(len, first)) > 10
