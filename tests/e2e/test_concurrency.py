# SPDX-License-Identifier: AGPL-3.0-or-later
"""Several clients at once, batches, and a full queue."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from client.api import detect
from deploy.local.server import LOG_CONFIG, LocalServer, serve
from tests.conftest import SAMPLE_PDF
from tests.e2e.conftest import CONFIG
from tests.e2e.wire import BOMB, PLAN, post

if TYPE_CHECKING:
    from pathlib import Path


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


def test_a_mixed_batch_is_answered_item_by_item(batching_archive: Path, tmp_path: Path) -> None:
    """Four requests that TorchServe gathers into one batch: each has its own status and rooms."""
    bodies = [PLAN, b"hello", SAMPLE_PDF.read_bytes(), BOMB]
    log_config = tmp_path / "log4j2.xml"
    log_config.write_text(LOG_CONFIG.read_text().replace("DENY", "NEUTRAL"))
    with serve(batching_archive, config=CONFIG, log_config=log_config) as server:
        server.wait_ready()
        with ThreadPoolExecutor(4) as pool:
            replies = list(pool.map(lambda body: post(server, body), bodies))
        log = server.log.read_text()

    assert [200, 400, 200, 413] == [reply.status for reply in replies]
    assert len(replies[0].rooms) >= 9
    assert len(replies[2].rooms) >= 9
    assert log.count("Backend received inference at") == 1  # one message to the worker for all


def test_a_full_queue_is_503(archive: Path) -> None:
    """With one waiting place, ten requests at once: some are served, the others told to return."""
    with serve(archive, config=CONFIG, settings={"job_queue_size": "1"}) as server:
        server.wait_ready()
        with ThreadPoolExecutor(10) as pool:
            replies = list(pool.map(lambda body: post(server, body), [PLAN] * 10))
            after = post(server, PLAN)

    assert {200, 503} == {reply.status for reply in replies}
    assert after.status == 200
