# SPDX-License-Identifier: AGPL-3.0-or-later
"""Clients that are slow, greedy or gone hold neither the server nor a worker: tests/torture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import NETTY, needs_netty
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


@pytest.mark.parametrize(
    ("size_line_end", "status"), [(b"\r\n", 200), (b";a=b\n", 400), (b';a="\r\n', 400)], ids=repr
)
def test_nothing_behind_chunks_is_taken_for_a_request(
    torture: Torture, size_line_end: bytes, status: int
) -> None:
    """A proxy may see the end of chunks elsewhere; one request was sent, one answer comes.

    Chunks of which that can be said are refused (CVE-2025-58056, CVE-2026-33870).
    """
    chunk = b"%x" % len(PLAN) + size_line_end + PLAN + b"\r\n"
    body = chunk + b"0\r\n\r\nGET /ping HTTP/1.1\r\nHost: here\r\n\r\n"
    with crowd(torture.port, 1, POST + b"Transfer-Encoding: chunked\r\n\r\n" + body) as sockets:
        (end,) = watch(sockets, 20)

    assert end.after_s is not None
    assert end.statuses == [status if NETTY else 200]
    assert b"in_flight" not in end.said


@needs_netty
@pytest.mark.parametrize(
    "head",
    [b"1.1\r\nX\x1d: z", b"1.1\r\nX\x00Y: z", b"1.1\r\nX : z",
     b"1.0\r\nTransfer-Encoding: chunked"],
    ids=repr,
)  # fmt: skip
def test_headers_that_a_proxy_may_read_otherwise(torture: Torture, head: bytes) -> None:
    """Are refused though the plan behind them is right (CVE-2021-43797, CVE-2026-42581)."""
    body = PLAN if b"X" in head else b"%x\r\n%b\r\n0\r\n\r\n" % (len(PLAN), PLAN)
    post = b"POST /invocations HTTP/%b\r\nHost: here\r\nContent-Length: %d\r\n\r\n"
    with crowd(torture.port, 1, post % (head, len(body)) + body) as sockets:
        (end,) = watch(sockets, 20)

    assert end.after_s is not None
    assert end.statuses == [400]
