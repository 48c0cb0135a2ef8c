# SPDX-License-Identifier: AGPL-3.0-or-later
"""A short run of tests/torture/long.py: no process keeps something of each request."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from benchmarks import traffic
from serving.server import serve
from tests.conftest import CONFIG
from tests.torture.long import BOUNDS, JVM_MB, WORKER_MB, complaints, load

if TYPE_CHECKING:
    from pathlib import Path

# Of the last three quarters of the requests: 22 kB for each of 675, 55 of 270. Small pictures,
# because large ones leave gaps of several MB in the heap for a while.
MAX_GROWTH_MB = 15.0
LARGEST_PX = 500


@pytest.mark.parametrize("requests", [360, pytest.param(900, marks=pytest.mark.on_demand)])
def test_memory_does_not_grow_with_requests(archive: Path, requests: int) -> None:
    """Plans of all kinds and every mistake: right answers, no growth, no files left open."""
    with serve(archive, config=CONFIG) as server:
        server.wait_ready()
        report = load(
            server.url,
            server.management_url,
            partial(traffic.request, largest_px=LARGEST_PX),
            total=requests,
        )

    bounds = BOUNDS | dict.fromkeys((WORKER_MB, JVM_MB), MAX_GROWTH_MB)
    assert not complaints(report, bounds, is_loaded=True), report
    assert set(bounds) < set(report["slopes"])
    assert len(report["kinds"]) > 25
