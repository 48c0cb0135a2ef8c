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


def test_each_cut_converges(typed: Console, tmp_path: Path) -> None:
    """By canary, and an old version is pruned: each time three versions change places."""
    archives = packed(tmp_path, "1.0", "2.0", "3.0")
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
        assert done.document()["version"] == there.run_here("status").document()["version"]
        assert count == len(there.inventory()), name
        print(f"killed after call {at}, {name}: converged")
    current = there.with_settings(f"archive={archive}")
    assert 0 == current.run("plan", "--check").status
