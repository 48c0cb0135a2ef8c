# SPDX-License-Identifier: AGPL-3.0-or-later
"""An ``apply`` is killed after each of its calls that changes something; the next one goes on.

The calls are what is looked at, so the servers are played; test_endpoint.py has real ones.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from archive.pack import pack
from tests.conftest import NETWORK, ROOT
from tests.contract.local_sagemaker import FakeServer
from tests.e2e.console import Console, console, ended
from tests.e2e.cutting import cutter
from tests.e2e.test_async import QUEUE
from tests.e2e.test_endpoint import INSTANCES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = (
    *INSTANCES, "realtime.wait_s=0", "keep=1",
    "realtime.autoscaling.min_instances=2", "realtime.autoscaling.max_instances=4",
)  # fmt: skip
EACH_CALL = pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.on_demand)])
_DIGEST = re.compile(r"-[0-9a-f]{8}\b")


@pytest.fixture(scope="module")
def typed(archive: Path) -> Iterator[Console]:
    """A console of instances with alarms and autoscaling."""
    with console(FakeServer) as found:
        yield found.with_settings(*SETTINGS, f"environment.GOLDEN={archive}")


def killed(typed: Console, archive: Path, at: int) -> list[str]:
    """The calls of an `apply` that is killed at one of them; all of them if that never comes."""
    with cutter(typed.place.url) as server:
        process = typed.with_settings(f"archive={archive}", url=server.url).start("apply")
        server.at, server.kill = at, process.kill
        done = ended(process)
    assert done.status == (-9 if len(server.changes) == at else 0), done.err
    return server.changes


def everything(typed: Console) -> list[str]:
    """What is there of an endpoint, without what depends on its name."""
    endpoint = typed.endpoint
    return [_DIGEST.sub("", name.replace(endpoint, "NAME")) for name in typed.inventory()]


@EACH_CALL
def test_each_cut_of_a_first_one_converges(typed: Console, archive: Path, step: int) -> None:
    """Each time on an empty account."""
    whole, wanted = ["the first"], [""]
    at = 0
    while at <= len(whole):
        there = typed.with_settings(f"endpoint=new{at}")
        made = killed(there, archive, at)
        if at == 0:
            whole, wanted = made, everything(there)
            assert 15 == len(whole)
        else:
            done = there.apply(archive)
            assert done.status == 0, done.err
            assert everything(there) == wanted, whole[at - 1]
            print(f"killed after call {at}, {whole[at - 1]}: converged")
        assert there.run("delete", "--yes").status == 0
        assert [] == there.inventory()
        at += step


@EACH_CALL
def test_each_cut_of_an_update_converges(typed: Console, tmp_path: Path, step: int) -> None:
    """By canary, and an old version is pruned: each time three versions change places."""
    archives = [tmp_path / f"rooms-{version}.mar" for version in ("1.0", "2.0", "3.0")]
    for path in archives:
        pack(NETWORK, path, version=path.stem.partition("-")[2], root=ROOT)
    there = typed.with_settings("endpoint=next")
    for path in archives[:2]:
        assert there.apply(path, "--no-candidate").status == 0
    whole = killed(there, archives[2], 0)
    assert "UpdateEndpoint" in whole
    count = len(there.inventory())
    for turn, at in enumerate(range(1, len(whole) + 1, step)):
        name, path = whole[at - 1], archives[turn % len(archives)]
        assert whole[:at] == killed(there, path, at)
        done = there.apply(path)
        assert done.status == 0, done.err
        assert done.document()["version"] == there.run("status").document()["version"]
        assert count == len(there.inventory()), name
        print(f"killed after call {at}, {name}: converged")
    current = there.with_settings(f"archive={path}")
    assert 0 == current.run("plan", "--check").status


def test_one_with_a_queue_goes_on(typed: Console, archive: Path) -> None:
    """In the middle of the test, after it, and between the two policies and their alarm."""
    account = replace(typed, settings=tuple(s for s in typed.settings if s not in SETTINGS))
    there = account.with_settings(*QUEUE, "endpoint=queue", f"archive={archive}")
    whole = list[str]()
    for at in (9, 13, 3):
        with cutter(there.place.url) as server:
            process = there.with_settings(url=server.url).start("apply", "--no-candidate")
            server.at, server.kill = at, process.kill
            assert -9 == ended(process).status
        whole += server.changes
    assert "PutScalingPolicy" in whole[-1]
    done = there.apply(archive, "--no-candidate")

    assert done.status == 0, done.err
    assert there.run("plan", "--check").status == 0
    left = {name for name in there.inventory() if name.startswith("queue/rooms-")}
    assert 1 == len(left), "the model's file, and nothing of the tests"
    assert there.run("delete", "--yes").status == 0
    assert [] == there.inventory()
