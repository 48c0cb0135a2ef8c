# SPDX-License-Identifier: AGPL-3.0-or-later
"""What keeps a live run cheap and to itself; the run itself is on demand (docs/live.md)."""

from __future__ import annotations

import time

import pytest

from tests.live.budget import Budget, OverBudget
from tests.live.cleaning import Cleaner


def test_the_ceiling_is_kept_by_time() -> None:
    """All instances are counted from the beginning."""
    assert 12_000 == pytest.approx(Budget(2, 0.2, 3).left_s(), abs=1)
    spent = Budget(2, 0.2, 3, time.monotonic() - 3600)
    assert 0.6 == pytest.approx(spent.spent_usd, abs=0.01)
    with pytest.raises(OverBudget, match=r"0.60 USD of 0.50"):
        Budget(0.5, 0.2, 3, time.monotonic() - 3600).left_s()


def test_nothing_but_a_live_run_is_cleaned() -> None:
    """An endpoint of another name is never touched, nor asked for."""
    with pytest.raises(ValueError, match="rooms does not begin with roomdet-live-"):
        Cleaner("rooms").clean()
