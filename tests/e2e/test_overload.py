# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests that wait: whose turn it is, and which are refused at once."""

from __future__ import annotations

import base64
import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from serving.server import LocalServer, serve
from tests.conftest import CONFIG, jvm_flags
from tests.e2e.spoiling import frozen_worker
from tests.e2e.test_concurrency import wait_in_flight
from tests.e2e.wire import PLAN, multipart, pdf
from tests.torture import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGE_WH = (2600, 60)


def large(kind: str) -> bytes:
    """A picture that is longer than a flat and quick to look at."""
    buffer = io.BytesIO()
    Image.new("L", LARGE_WH, 255).save(buffer, kind)
    return buffer.getvalue()


def in_json(file: bytes, start: str = "") -> bytes:
    """A file as most clients send it."""
    return json.dumps({"page": 1, "image": start + base64.b64encode(file).decode()}).encode()


@pytest.fixture(scope="module")
def unwilling(archive: Path) -> Iterator[LocalServer]:
    """A server that lets nothing wait behind what may take seconds."""
    with serve(archive, config=CONFIG, settings=jvm_flags("-Droomdet.wait_s=0")) as server:
        server.wait_ready()
        yield server


def test_under_load_everyone_gets_their_own_rooms_or_a_503(server: LocalServer) -> None:
    """Ten times as many clients as keep it busy, with eight plans."""
    seen = load.load(server.ports.inference, 10 * load.BUSY_CLIENTS, 4, load.distinct_plans())

    assert not seen.complaints
    assert {200, 503} == {reply.status for reply in seen.replies}


@pytest.mark.parametrize(
    ("sheet", "content_type"),
    [
        pytest.param(large("PNG"), "image/png", id="png"),
        pytest.param(large("JPEG"), "image/jpeg", id="jpeg"),
        pytest.param(large("TIFF"), "image/tiff", id="tiff"),
        pytest.param(pdf(), "application/pdf", id="pdf"),
        pytest.param(in_json(large("PNG")), "application/json", id="json"),
        pytest.param(in_json(large("JPEG"), "data:image/jpeg;base64,"), "application/json",
                     id="data-url"),
        pytest.param(*multipart(page=b"1", image=large("PNG")), id="form"),
    ],
)  # fmt: skip
def test_a_flat_waits_for_one_batch_of_sheets_and_not_for_all(
    server: LocalServer, sheet: bytes, content_type: str
) -> None:
    """Six came before it; three are a batch where they are as quick as these."""
    port, done = server.ports.inference, list[str]()

    def send(name: str, body: bytes, content_type: str) -> None:
        assert load.ask(port, body, content_type).status == 200
        done.append(name)

    with ThreadPoolExecutor(8) as pool:
        with frozen_worker(server):
            pool.submit(send, "first", PLAN, "image/png")
            wait_in_flight(server, 1)
            sheets = [pool.submit(send, "sheet", sheet, content_type) for _ in range(6)]
            wait_in_flight(server, 7)
            flat = pool.submit(send, "flat", PLAN, "image/png")
            wait_in_flight(server, 8)
        for each in [flat, *sheets]:
            each.result()

    assert done.index("flat") <= 4, done


def test_what_would_wait_too_long_is_refused_at_once(unwilling: LocalServer) -> None:
    """A sheet behind a sheet, once it is known how long they take; a flat is let in."""
    port, sheet = unwilling.ports.inference, large("PNG")
    for body in (PLAN, sheet, PLAN):  # the first is taken before turns are
        assert load.ask(port, body).status == 200
    with ThreadPoolExecutor(3) as pool:
        with frozen_worker(unwilling):
            pool.submit(load.ask, port, PLAN)
            wait_in_flight(unwilling, 1)
            waiting = [pool.submit(load.ask, port, body) for body in (sheet, PLAN)]
            wait_in_flight(unwilling, 3)
            refused = load.ask(port, sheet)
        statuses = [each.result().status for each in waiting]

    assert (refused.status, refused.retry_after) == (503, "1")
    assert statuses == [200, 200]
