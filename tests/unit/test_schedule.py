# SPDX-License-Identifier: AGPL-3.0-or-later
"""How a training run is laid out in time."""

from __future__ import annotations

import pytest

from training.schedule import LAST_LR_SHARE, WARMUP_SHARE, learning_rate_factor


@pytest.mark.parametrize(
    ("share", "factor"),
    [
        (0.0, 0.0),
        (WARMUP_SHARE, 1.0),
        ((1 + WARMUP_SHARE) / 2, (1 + LAST_LR_SHARE) / 2),
        (1.0, LAST_LR_SHARE),
        (1.2, LAST_LR_SHARE),
    ],
)
def test_the_learning_rate_rises_and_falls_with_the_clock(share: float, factor: float) -> None:
    """From 0 to the peak in the warm-up, then half a cosine, and never beyond."""
    assert learning_rate_factor(share) == pytest.approx(factor)
