# SPDX-License-Identifier: AGPL-3.0-or-later
"""An update is killed after each of its calls that changes something; the next one goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.console import Console, console
from tests.e2e.killing import SETTINGS, killed, packed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def typed() -> Iterator[Console]:
    """A console with servers for all versions."""
    with console(spare=3) as found:
        yield found


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.on_demand)])
def test_each_cut_converges(typed: Console, tmp_path: Path, step: int) -> None:
    """By canary, and an old version is pruned: each time three versions change places."""
    archives = packed(tmp_path, "1.0", "2.0", "3.0")
    there = typed.with_settings(*SETTINGS, "endpoint=next")
    for archive in archives[:2]:
        assert there.apply(archive, "--no-candidate").status == 0
    whole = killed(there, archives[2], 0)
    assert "UpdateEndpoint" in whole
    count = len(there.inventory())
    for turn, at in enumerate(range(1, len(whole) + 1, step)):
        name, archive = whole[at - 1], archives[turn % len(archives)]
        assert whole[:at] == killed(there, archive, at)
        done = there.apply(archive)
        assert done.status == 0, done.err
        assert done.document()["version"] == there.run_here("status").document()["version"]
        assert count == len(there.inventory()), name
        print(f"killed after call {at}, {name}: converged")
    current = there.with_settings(f"archive={archive}")
    assert 0 == current.run("plan", "--check").status
