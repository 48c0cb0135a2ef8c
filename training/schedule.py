# SPDX-License-Identifier: AGPL-3.0-or-later
"""How a run is laid out in time, and how far it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

WARMUP_SHARE = 0.03  # of the run, during which the learning rate rises
LAST_LR_SHARE = 0.01  # of the peak, at the end


@dataclass(frozen=True, slots=True)
class Schedule:
    """What the loop needs to know beyond ultralytics' own settings.

    Attributes:
        minutes: Wall clock that the whole run may take, over all its resumed parts.
        epochs: At most this many; 0 for as many as fit.
        close_mosaic: Share of the run at its end without mosaics, 0 to 1.
        validate_minutes: Validation after an epoch, but not more often than this.
        workers: Loading processes.
        seed: Of order and augmentation.
        turns: Share of the pictures that are turned by 90, 180 or 270 degrees.
        ignore_unlabeled_above: Findings of this confidence are not punished where no room is
            labeled, because labels may be missing; 1 for none.
    """

    minutes: float
    epochs: int
    close_mosaic: float
    validate_minutes: float
    workers: int
    seed: int
    turns: float
    ignore_unlabeled_above: float


@dataclass(slots=True)
class Position:
    """How far a run is; it is saved and resumed.

    Attributes:
        epoch: Epochs begun, from 0.
        pictures: Pictures of this epoch already trained on.
        steps: Steps of the optimizer.
        began_s: Elapsed time when the first step was made.
        validation_s: What the longest validation took.
        validated_s: Elapsed time of the last validation.
    """

    epoch: int = 0
    pictures: int = 0
    steps: int = 0
    began_s: float = 0.0
    validation_s: float = 0.0
    validated_s: float = 0.0


def learning_rate_factor(share: float) -> float:
    """Warm-up, then half a cosine: 0 at the start, 1 at the peak, 0.01 at the end.

    Args:
        share: Of the run, 0 to 1.
    """
    if share < WARMUP_SHARE:
        return share / WARMUP_SHARE
    spent = min((share - WARMUP_SHARE) / (1 - WARMUP_SHARE), 1.0)
    return LAST_LR_SHARE + (1 - LAST_LR_SHARE) * (1 + math.cos(math.pi * spent)) / 2
