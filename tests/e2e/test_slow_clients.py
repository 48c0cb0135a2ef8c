# SPDX-License-Identifier: AGPL-3.0-or-later
"""Clients that are slow, greedy or gone hold neither the server nor a worker: tests/torture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.torture.clients import PLAN, POST, SHORT, Torture, crowd, tortured, watch

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


@pytest.mark.parametrize("size_line_end", [b"\r\n", b";a=b\n", b';a="\r\n'], ids=repr)
def test_nothing_behind_chunks_is_taken_for_a_request(
    torture: Torture, size_line_end: bytes
) -> None:
    """A proxy may see the end of chunks elsewhere; one request was sent, one answer comes."""
    chunk = b"%x" % len(PLAN) + size_line_end + PLAN + b"\r\n"
    body = chunk + b"0\r\n\r\nGET /ping HTTP/1.1\r\nHost: here\r\n\r\n"
    with crowd(torture.port, 1, POST + b"Transfer-Encoding: chunked\r\n\r\n" + body) as sockets:
        (end,) = watch(sockets, 20)

    assert end.after_s is not None
    assert end.statuses == [200]
    assert b"in_flight" not in end.said
