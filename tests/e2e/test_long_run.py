# SPDX-License-Identifier: AGPL-3.0-or-later
"""A short run of benchmarks/soak.py: neither worker nor JVM keeps something of each request."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from benchmarks import traffic
from benchmarks.soak import complaints, load
from serving.server import serve
from tests.e2e.conftest import CONFIG

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
            requests,
            partial(traffic.request, largest_px=LARGEST_PX),
        )

    assert not complaints(report, MAX_GROWTH_MB), report
    assert len(report["kinds"]) > 25
