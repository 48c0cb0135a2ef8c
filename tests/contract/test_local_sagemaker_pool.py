# SPDX-License-Identifier: AGPL-3.0-or-later
"""Servers are shared, kept for the next one, and end."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from sagemaker_local.model_servers import LaunchSpec, ServerFailed
from sagemaker_local.pool import Closing, Pool
from tests.contract.local_sagemaker import FakeServer

if TYPE_CHECKING:
    from collections.abc import Iterator


class Started:
    """What a pool has started."""

    def __init__(self) -> None:
        self.fleets: list[FakeServer] = []

    def __call__(self, recipe: LaunchSpec) -> FakeServer:
        """Start one more."""
        self.fleets.append(FakeServer(recipe))
        return self.fleets[-1]


def recipe(**environ: str) -> LaunchSpec:
    """Of a model with these variables."""
    return LaunchSpec("image", b"model", "s3://x/y", environ)


@pytest.fixture
def started() -> Started:
    """Nothing yet."""
    return Started()


@pytest.fixture
def pool(started: Started) -> Iterator[Pool]:
    """A pool; whatever it started has ended after it."""
    pool = Pool(started, threading.Event(), spare=1)
    yield pool
    pool.close()
    assert all(fleet.is_stopped for fleet in started.fleets)
    with pytest.raises(Closing):
        pool.lease(recipe())


def test_one_server_for_many(pool: Pool, started: Started) -> None:
    """Also when they ask at the same time; another variable makes another server."""
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: pool.lease(recipe(START_S="0.2")), range(4)))
    assert [started.fleets[0]] * 4 == found
    pool.lease(recipe(NAME="other"))
    assert (2, 2) == (len(started.fleets), pool.running())


def test_a_spare_server_is_used_again(pool: Pool, started: Started) -> None:
    """Of two that nobody uses the older one ends; one that somebody uses never does."""
    for name in ("a", "b", "b", "c"):
        pool.lease(recipe(NAME=name))
    for name in ("a", "b", "c"):
        pool.release(recipe(NAME=name))
    assert [True, False, False] == [fleet.is_stopped for fleet in started.fleets]
    assert started.fleets[2] is pool.lease(recipe(NAME="c"))
    pool.lease(recipe(NAME="a"))
    assert 4 == len(started.fleets)


def test_a_server_can_end_at_once(pool: Pool, started: Started) -> None:
    """With its last user, however many may be spare; the spare one stays."""
    for name in ("a", "b", "b"):
        pool.lease(recipe(NAME=name))
    pool.release(recipe(NAME="a"))
    for is_stopped in (False, True):
        pool.release(recipe(NAME="b"), spare=False)
        assert [False, is_stopped] == [fleet.is_stopped for fleet in started.fleets]


def test_a_server_of_ones_own(pool: Pool, started: Started) -> None:
    """Is shared with nobody who is not its owner."""
    own = dataclasses.replace(recipe(), owner="a job")
    assert pool.lease(own) is not pool.lease(recipe())
    assert 2 == len(started.fleets)


def test_a_server_that_broke_meanwhile_is_not_used(pool: Pool, started: Started) -> None:
    """Another one is started."""
    pool.lease(recipe())
    pool.release(recipe())
    started.fleets[0].environ = {"START": "fail"}
    assert pool.lease(recipe()) is started.fleets[1]
    assert started.fleets[0].is_stopped


def test_a_server_that_ended_is_replaced_once(pool: Pool, started: Started) -> None:
    """For all its users; where that fails, the ended one stays in its place until another try."""
    first, _ = (pool.lease(recipe()) for _ in range(2))
    started.fleets[0].stop()
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda _: pool.replace(recipe(), first), range(2)))
    assert [started.fleets[1]] * 2 == found
    assert found[0] is pool.replace(recipe(), first)

    bad = recipe(NAME="bad")
    ended = pool.lease(bad)
    pool.start = lambda launch: FakeServer(dataclasses.replace(launch, environ={"START": "fail"}))
    with pytest.raises(ServerFailed):
        pool.replace(bad, ended)
    assert ended is pool.lease(bad)
    with pytest.raises(Closing):
        pool.replace(recipe(NAME="nobody's"), ended)


def test_a_server_that_does_not_start_fails_for_all_who_wait(pool: Pool, started: Started) -> None:
    """And the next one who asks tries again."""
    bad = recipe(START="fail", START_S="0.2")
    with ThreadPoolExecutor(2) as threads:
        futures = [threads.submit(pool.lease, bad) for _ in range(2)]
        assert [ServerFailed] * 2 == [type(future.exception()) for future in futures]
    assert (1, 0) == (len(started.fleets), pool.running())
    with pytest.raises(ServerFailed):
        pool.lease(bad)
    assert 2 == len(started.fleets)
