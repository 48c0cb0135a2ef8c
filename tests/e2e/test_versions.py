# SPDX-License-Identifier: AGPL-3.0-or-later
"""Several versions beside each other: what the endpoint plugin adds to TorchServe."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from archive.pack import pack
from serving.management import Management, Version
from serving.server import LocalServer, serve
from tests.conftest import NETWORK, ROOT
from tests.e2e.conftest import CONFIG
from tests.e2e.spoiling import frozen_worker, without
from tests.e2e.wire import PLAN, post

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def running(
    archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LocalServer, Management]]:
    """A server with version 1.0, and in its model store 1.1 and a broken 1.2."""
    folder = tmp_path_factory.mktemp("versions")
    with serve(archive, config=CONFIG) as server:
        store = server.log.parent / "model_store"
        pack(NETWORK, store / "next.mar", version="1.1", root=ROOT)
        pack(NETWORK, folder / "good.mar", version="1.2", root=ROOT)
        without(folder / "good.mar", store / "broken.mar", "network.bin", b"other weights")
        server.wait_ready()
        yield server, Management(server.management_url)


def until(management: Management, version: str, status: str) -> Version:
    """The version once it has a status."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = management.versions().get(version)
        if found and found.status == status:
            return found
        time.sleep(0.05)
    pytest.fail(f"{version} is not {status}: {management.versions()}")


def test_a_version_that_refuses_to_start_is_not_the_servers_health(
    running: tuple[LocalServer, Management],
) -> None:
    """/versions says why; /ping is about the default, which answers; /invocations still works."""
    server, management = running
    management.register("broken.mar")

    broken = until(management, "1.2", "Unhealthy")
    health = server.health()
    management.unregister("1.2")

    assert broken.reason.startswith("rooms: network.bin has sha256 ")
    assert health is not None
    assert health.is_ready
    assert management.versions()["1.0"].is_default
    assert post(server, PLAN).status == 200


def test_invocations_finds_its_model_when_the_start_up_version_is_gone(
    running: tuple[LocalServer, Management],
) -> None:
    """Stock TorchServe answers 400 as soon as any version of the model is unregistered."""
    server, management = running
    management.register("next.mar")
    until(management, "1.1", "Healthy")
    management.set_default("1.1")
    management.unregister("1.0")

    (found,) = management.versions().values()
    assert ("1.1", "next.mar", "Healthy") == (found.version, found.archive, found.status)
    assert found.is_default
    assert post(server, PLAN).status == 200


def test_requests_are_counted_by_version(running: tuple[LocalServer, Management]) -> None:
    """So that a rollout knows when the old one has answered everything."""
    server, management = running
    (before,) = [v.version for v in management.versions().values() if v.is_default]
    with ThreadPoolExecutor(2) as pool:
        with frozen_worker(server):
            replies = [pool.submit(post, server, PLAN) for _ in range(2)]
            deadline = time.monotonic() + 10
            while management.versions()[before].in_flight < 2:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        assert [200, 200] == [reply.result().status for reply in replies]
