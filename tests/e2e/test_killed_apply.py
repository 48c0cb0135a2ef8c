# SPDX-License-Identifier: AGPL-3.0-or-later
"""A first ``apply`` is killed after each of its calls that changes something; the next goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.console import Console, console
from tests.e2e.killing import SETTINGS, everything, killed, packed

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
    """Of instances, with alarms and autoscaling: each time on an empty account."""
    (archive,) = packed(tmp_path, "1.0")
    whole, wanted = ["the first"], [""]
    at = 0
    while at <= len(whole):
        there = typed.with_settings(*SETTINGS, f"endpoint=new{at}")
        made = killed(there, archive, at)
        if at == 0:
            whole, wanted = made, everything(there)
            assert 15 == len(whole)
        else:
            done = there.apply(archive)
            assert done.status == 0, done.err
            assert everything(there) == wanted, whole[at - 1]
            print(f"killed after call {at}, {whole[at - 1]}: converged")
        assert there.run_here("delete", "--yes").status == 0
        assert [] == there.inventory()
        at += step
