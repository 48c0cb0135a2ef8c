# SPDX-License-Identifier: AGPL-3.0-or-later
"""/ping is 200 only while plans would be answered, and says why when it is not."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from serving.errors import LocalServerError
from serving.health import Health, PluginMissingError, read_health
from serving.server import LocalServer, serve
from tests.conftest import CONFIG
from tests.e2e.spoiling import frozen_worker, without
from tests.e2e.wire import PLAN, post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STOP_FILE = "ROOMDET_STOP_FILE"


@dataclass(frozen=True)
class Watched:
    """A server of this module's own, and what it said of itself before it was ready."""

    server: LocalServer
    stop_file: Path
    before: list[Health]

    def health(self) -> Health:
        """What /ping says now."""
        health = self.server.health()
        assert health is not None
        return health

    def until(self, is_wanted: Callable[[Health], bool], timeout_s: float = 60) -> Health:
        """The first answer of /ping that is wanted."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            health = self.health()
            if is_wanted(health):
                return health
            time.sleep(0.05)
        pytest.fail(f"/ping still says {self.health()}\n{self.server.log_tail()}")


@pytest.fixture(scope="module")
def watched(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A server that was asked from its first moment on, with room for 200 MiB in one request."""
    stop_file = tmp_path_factory.mktemp("stop") / "stop"
    settings = {"max_request_size": str(200 * 1024**2)}
    with serve(
        archive, config=CONFIG, settings=settings, environ={STOP_FILE: str(stop_file)}
    ) as server:
        before: list[Health] = []
        deadline = time.monotonic() + 120
        while not (before and before[-1].is_ready):
            assert time.monotonic() < deadline, server.log_tail()
            health = server.health()
            before += [health] if health else []
            time.sleep(0.01)
        yield Watched(server, stop_file, before)


def test_ping_is_503_until_the_model_is_loaded(watched: Watched) -> None:
    """TorchServe answers seconds before it can serve; SageMaker must not send plans then."""
    *loading, last = watched.before

    assert loading
    assert {(503, "Loading", "rooms: a worker loads the model")} == {
        (health.http_status, health.status, health.reason) for health in loading
    }
    assert last == Health(200, "Healthy", "", in_flight=0)


def test_a_request_is_in_flight_until_it_is_answered(watched: Watched) -> None:
    """The one at the worker and those that wait; /ping itself is not one."""
    with ThreadPoolExecutor(3) as pool:
        with frozen_worker(watched.server):
            replies = [pool.submit(post, watched.server, PLAN) for _ in range(3)]
            health = watched.until(lambda health: health.in_flight == 3)
            assert health.is_ready

        assert [200] * 3 == [reply.result().status for reply in replies]
    assert watched.until(lambda health: health.in_flight == 0).is_ready


def test_a_stop_is_503_and_everything_is_answered(watched: Watched) -> None:
    """While a stop is under way, requests in flight and requests that arrive are served."""
    with ThreadPoolExecutor(3) as pool:
        with frozen_worker(watched.server):
            replies = [pool.submit(post, watched.server, PLAN) for _ in range(2)]
            watched.until(lambda health: health.in_flight == 2)
            watched.stop_file.touch()
            try:
                stopping = watched.health()
                replies.append(pool.submit(post, watched.server, PLAN))
                watched.until(lambda health: health.in_flight == 3)
            except BaseException:
                watched.stop_file.unlink()
                raise

        assert [200] * 3 == [reply.result().status for reply in replies]
    drained = watched.until(lambda health: health.in_flight == 0)
    watched.stop_file.unlink()

    assert (503, "Stopping", 2) == (stopping.http_status, stopping.status, stopping.in_flight)
    assert (503, "Stopping") == (drained.http_status, drained.status)
    assert watched.health().is_ready


def test_a_killed_worker_is_503_until_another_is_ready(watched: Watched) -> None:
    """Stock TorchServe goes on saying Healthy."""
    (worker,) = watched.server.worker_pids()
    os.kill(worker, signal.SIGKILL)

    lost = watched.until(lambda health: not health.is_ready, timeout_s=5)
    assert (503, "Loading") == (lost.http_status, lost.status)
    assert lost.reason == "rooms: the worker ended, another one loads the model"
    watched.until(lambda health: health.is_ready)
    assert post(watched.server, PLAN).status == 200


def parameters(server: LocalServer) -> dict[str, object]:
    """What SageMaker batch transform is told."""
    with urllib.request.urlopen(f"{server.url}/execution-parameters", timeout=5) as answer:
        assert answer.headers["Content-Type"] == "application/json"
        document: dict[str, object] = json.load(answer)
    return document


def test_batch_transform_is_told_what_fits(server: LocalServer, watched: Watched) -> None:
    """Two batches of three for the one worker, if they fit, and never more than 100 MB at once."""
    told = {"BatchStrategy": "SINGLE_RECORD"}

    few, one = parameters(server), parameters(watched.server)
    assert few == told | {"MaxPayloadInMB": 28, "MaxConcurrentTransforms": 3}
    assert one == told | {"MaxPayloadInMB": 100, "MaxConcurrentTransforms": 1}


def test_a_broken_archive_never_becomes_ready(archive: Path, tmp_path: Path) -> None:
    """/ping names the file and keeps to it, also while TorchServe tries again."""
    broken = without(archive, tmp_path / "broken.mar", "network.bin", b"other weights")
    said: set[tuple[int, str]] = set()
    with serve(broken, config=CONFIG) as server:
        deadline = time.monotonic() + 60
        while server.log.read_text().count("refuses to start") < 2:
            assert time.monotonic() < deadline, server.log_tail()
            health = server.health()
            said |= {(health.http_status, health.status)} if health else set()
            time.sleep(0.05)
        last = server.health()
        with pytest.raises(
            LocalServerError, match=r"does not load: rooms: network\.bin has sha256"
        ):
            server.wait_ready()

    assert last is not None
    assert said == {(503, "Loading"), (503, "Unhealthy")}
    assert last.status == "Unhealthy"
    assert last.reason.startswith("rooms: network.bin has sha256 ")


def test_an_archive_without_a_module_is_given_up_with_the_trace(
    archive: Path, tmp_path: Path
) -> None:
    """The handler cannot be imported, so it cannot say why; the log can."""
    broken = without(archive, tmp_path / "broken.mar", "roomdet/geometry.py")
    with (
        serve(broken, config=CONFIG) as server,
        pytest.raises(LocalServerError, match=r"(?s)the worker ended 2 times.*roomdet\.geometry"),
    ):
        server.wait_ready()


def test_a_model_that_was_not_registered_is_missed(archive: Path, tmp_path: Path) -> None:
    """TorchServe goes on without it, and its own /ping would say Healthy."""
    broken = without(archive, tmp_path / "broken.mar", "MAR-INF/MANIFEST.json", b"no JSON")
    with (
        serve(broken, config=CONFIG) as server,
        pytest.raises(LocalServerError, match=r"rooms=rooms\.mar was not registered"),
    ):
        server.wait_ready()


def test_torchserves_own_ping_is_not_believed(archive: Path, tmp_path: Path) -> None:
    """Without the plugin the wait would be over before the model is loaded."""
    with serve(archive, config=CONFIG, settings={"plugins_path": str(tmp_path)}) as server:
        with pytest.raises(LocalServerError, match="endpoint plugin"):
            server.wait_ready()
        with pytest.raises(PluginMissingError):
            read_health(server.url)
