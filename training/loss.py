# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the loss is computed from, and what it leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

if TYPE_CHECKING:
    from collections.abc import Callable


def bce_ignoring(confidence: float) -> Callable[[Any, Any], Any]:
    """Binary cross entropy per anchor, without confident findings where no room is labeled.

    Args:
        confidence: Findings above it cost nothing where the target is 0; 1 for ordinary entropy.

    Returns:
        Function of logits and targets of the same shape, as ultralytics' criterion calls it.
    """

    def bce(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        loss = binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return loss.masked_fill((targets == 0) & (logits.detach().sigmoid() > confidence), 0)

    return bce


def as_float(value: Any) -> Any:
    """The same tensors in float32, in whatever lists and dicts the network returns them."""
    if isinstance(value, torch.Tensor):
        return value.float()
    if isinstance(value, dict):
        return {name: as_float(part) for name, part in value.items()}
    return [as_float(part) for part in value]
