# SPDX-License-Identifier: AGPL-3.0-or-later
"""What goes wrong on the machine: the short form of tests/torture/faults.py."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.torture import faults

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(
    os.geteuid() != 0 and not os.environ.get("REQUIRE_ALL"), reason="namespaces need root"
)
@pytest.mark.parametrize("group", faults.SHORT)
def test_a_fault_costs_no_more_than_it_must(archive: Path, group: str) -> None:
    """Nobody waits without end or is told of the server, and it is well again by itself."""
    seen = faults.run([group], archive)

    assert len(seen) > 5
    assert [] == [f"{row.fault}: {what}" for row in seen for what in row.found]
