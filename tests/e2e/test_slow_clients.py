# SPDX-License-Identifier: AGPL-3.0-or-later
"""Clients that are slow, greedy or gone hold neither the server nor a worker: tests/torture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.torture.clients import SHORT, Torture, tortured

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def torture(archive: Path) -> Iterator[Torture]:
    """A server with limits of seconds."""
    with tortured(archive, SHORT) as running:
        yield running


@pytest.mark.parametrize("way", Torture.WAYS)
def test_no_client_holds_the_server(torture: Torture, way: str) -> None:
    """Each connection ends in time or gets its own answer, and ordinary requests go on."""
    torture.complaints.clear()
    said = torture.attempt(way)

    assert not torture.complaints, said
    assert torture.ordinary.latencies_s
