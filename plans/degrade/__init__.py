# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the world does to a drawing, as functions of pages.

A page is uint8 RGB, shape ``(height, width, 3)``. Functions of :mod:`~plans.degrade.geometry`
also move boxes; all others leave them in place, and :func:`degrade_randomly` mixes those.
"""

from plans.degrade.mix import EFFECT_NAMES, degrade_randomly

__all__ = ["EFFECT_NAMES", "degrade_randomly"]
