# SPDX-License-Identifier: AGPL-3.0-or-later
"""``apply`` is killed after each of its calls that changes something; the next one goes on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from archive.pack import pack
from tests.conftest import NETWORK, ROOT
from tests.e2e.console import Console, console, ended
from tests.e2e.cutting import cutter
from tests.e2e.test_endpoint import INSTANCES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = (
    *INSTANCES, "realtime.wait_s=0", "keep=1",
    "realtime.autoscaling.min_instances=2", "realtime.autoscaling.max_instances=4",
)  # fmt: skip
_DIGEST = re.compile(r"-[0-9a-f]{8}\b")


@pytest.fixture(scope="module")
def typed() -> Iterator[Console]:
    """A console for this module."""
    with console(spare=3) as found:
        yield found


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three versions."""
    folder = tmp_path_factory.mktemp("archives")
    found = [folder / f"rooms-{version}.mar" for version in ("1.0", "2.0", "3.0")]
    for path in found:
        pack(NETWORK, path, version=path.stem.partition("-")[2], root=ROOT)
    return found


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


def test_a_first_apply(typed: Console, archives: list[Path]) -> None:
    """Of instances, with alarms and autoscaling: each time on an empty account."""
    whole, wanted = ["the first"], [""]
    at = 0
    while at <= len(whole):
        there = typed.with_settings(*SETTINGS, f"endpoint=new{at}")
        made = killed(there, archives[0], at)
        if at == 0:
            whole, wanted = made, everything(there)
            assert 15 == len(whole)
        else:
            done = there.apply(archives[0])
            assert done.status == 0, done.err
            assert everything(there) == wanted, whole[at - 1]
            print(f"killed after call {at}, {whole[at - 1]}: converged")
        assert there.run("delete", "--yes").status == 0
        assert [] == there.inventory()
        at += 1


def test_an_update(typed: Console, archives: list[Path]) -> None:
    """By canary, and an old version is pruned: each time three versions change places."""
    there = typed.with_settings(*SETTINGS, "endpoint=next")
    for archive in archives[:2]:
        assert there.apply(archive, "--no-candidate").status == 0
    whole = killed(there, archives[2], 0)
    assert "UpdateEndpoint" in whole
    count = len(there.inventory())
    for at, name in enumerate(whole, 1):
        archive = archives[(at + 2) % len(archives)]
        assert whole[:at] == killed(there, archive, at)
        done = there.apply(archive)
        assert done.status == 0, done.err
        assert done.document()["version"] == there.run("status").document()["version"]
        assert count == len(there.inventory()), name
        print(f"killed after call {at}, {name}: converged")
    current = there.with_settings(f"archive={archive}")
    assert 0 == current.run("plan", "--check").status
