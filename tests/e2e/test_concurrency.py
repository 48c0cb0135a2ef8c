# SPDX-License-Identifier: AGPL-3.0-or-later
"""Several clients at once, batches, and a full queue."""

from __future__ import annotations

import struct
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from roomdet_client.client import detect
from serving.server import LOG_CONFIG, LocalServer, serve
from tests.builders import layered_pdf
from tests.conftest import CONFIG, SAMPLE_PDF
from tests.e2e.spoiling import frozen_worker
from tests.e2e.wire import PLAN, encode, post

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A header that claims 40,000 x 40,000 pixels, and none of them.
BITMAP_BOMB = (
    b"BM" + struct.pack("<IHHI", 100, 0, 0, 54)
    + struct.pack("<IiiHHIIiiII", 40, 40_000, 40_000, 1, 24, 0, 0, 0, 0, 0, 0)
)  # fmt: skip


def test_parallel_clients_get_their_own_answers(server: LocalServer) -> None:
    """Six clients with different thresholds at once; nobody gets another's rooms."""
    wanted = [1, 2, 3, 4, 5, 6] * 4
    with ThreadPoolExecutor(6) as pool:
        counts = list(
            pool.map(
                lambda count: len(detect(PLAN, url=server.url, options={"max_rooms": count}).rooms),
                wanted,
            )
        )

    assert wanted == counts


@pytest.fixture(scope="module")
def batching(
    batching_archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalServer]:
    """A server with batches of four that logs each message to its worker, and times pages."""
    log_config = tmp_path_factory.mktemp("batching") / "log4j2.xml"
    log_config.write_text(LOG_CONFIG.read_text().replace("DENY", "NEUTRAL"))
    environ = {"ROOMDET_PAGE_SECONDS": "2"}
    with serve(batching_archive, config=CONFIG, log_config=log_config, environ=environ) as server:
        server.wait_ready()
        yield server


def messages(server: LocalServer) -> int:
    """Batches that the worker got until now."""
    return server.log.read_text().count("Backend received inference at")


def test_a_mixed_batch_is_answered_item_by_item(batching: LocalServer) -> None:
    """Four requests that wait for the worker are one batch: each has its own status and rooms."""
    # Of the kinds that take no seconds; the others have batches of their own (test_overload.py).
    bodies = [PLAN, b"hello", encode("RGB", "JPEG"), BITMAP_BOMB]
    before = messages(batching)
    with ThreadPoolExecutor(5) as pool:
        with frozen_worker(batching):
            first = pool.submit(post, batching, PLAN)
            wait_in_flight(batching, 1)
            waiting = [pool.submit(post, batching, body) for body in bodies]
            wait_in_flight(batching, 5)
        replies = [reply.result() for reply in waiting]

    assert first.result().status == 200
    assert [200, 400, 200, 413] == [reply.status for reply in replies]
    assert len(replies[0].rooms) >= 9
    assert len(replies[2].rooms) >= 9
    assert messages(batching) - before == 2  # the first, which waited for nobody, and all others


def test_a_page_without_end_is_its_row_alone(batching: LocalServer) -> None:
    """Its neighbors get their rooms, the worker lives, and ``/ping`` says so all along."""
    bodies = [layered_pdf(50_000), PLAN, SAMPLE_PDF.read_bytes(), PLAN]
    pings, answered = [], threading.Event()

    def watch() -> None:
        while not answered.wait(0.05):
            with urllib.request.urlopen(f"{batching.url}/ping", timeout=2) as reply:
                pings.append(reply.status)

    workers = batching.worker_pids()
    with ThreadPoolExecutor(6) as pool:
        watching = pool.submit(watch)
        with frozen_worker(batching):
            pool.submit(post, batching, PLAN)  # goes to the worker at once, the others together
            wait_in_flight(batching, 1)
            running = [pool.submit(post, batching, body) for body in bodies]
            wait_in_flight(batching, 5)
        slow, *others = (each.result() for each in running)
        answered.set()
        watching.result()

    assert (slow.status, slow.document["error"]) == (413, "file_too_large")
    assert slow.document["details"] == {"limit_seconds": 2}
    assert [200] * 3 == [reply.status for reply in others]
    assert all(reply.document["detected_rooms"] for reply in others)
    assert workers == batching.worker_pids()
    assert {200} == set(pings)


def test_a_request_that_is_alone_does_not_wait_for_others(batching: LocalServer) -> None:
    """Although the archive says that a batch may take two seconds to fill."""
    started_s = time.monotonic()
    reply = post(batching, PLAN)

    assert reply.status == 200
    assert time.monotonic() - started_s < 1.5


def wait_in_flight(server: LocalServer, count: int) -> None:
    """Return when so many requests have arrived and are not yet answered."""
    deadline = time.monotonic() + 30
    while (health := server.health()) is None or health.in_flight != count:
        assert time.monotonic() < deadline, server.log_tail()
        time.sleep(0.02)
