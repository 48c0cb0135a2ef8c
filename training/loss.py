# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the loss is computed from, and what it leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits


@dataclass(slots=True)
class LenientEntropy:
    """Binary cross entropy per anchor, without confident findings where no room is labeled.

    Attributes:
        confidence: Findings above it cost nothing where the target is 0; 1 for ordinary entropy.
        is_complete: Which pictures of the batch have all their rooms labeled, so that such
            findings are wrong; bool, shape ``(n,)``. None: none of them.
    """

    confidence: float
    is_complete: torch.Tensor | None = None

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits and targets of the same shape, pictures first."""
        loss = binary_cross_entropy_with_logits(logits, targets, reduction="none")
        is_ignored = (targets == 0) & (logits.detach().sigmoid() > self.confidence)
        if self.is_complete is not None:
            is_ignored[self.is_complete] = False
        return loss.masked_fill(is_ignored, 0)


def as_float(value: Any) -> Any:
    """The same tensors in float32, in whatever lists and dicts the network returns them."""
    if isinstance(value, torch.Tensor):
        return value.float()
    if isinstance(value, dict):
        return {name: as_float(part) for name, part in value.items()}
    return [as_float(part) for part in value]
