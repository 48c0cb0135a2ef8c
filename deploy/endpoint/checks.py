# SPDX-License-Identifier: AGPL-3.0-or-later
"""What every value of the configuration is held to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.errors import SpecError

if TYPE_CHECKING:
    import re


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Refuse a number that is not from ``low`` to ``high``, both included."""
    if not low <= value <= high:
        raise SpecError(f"{name} is {value}; {low} to {high} are allowed")


def check_form(name: str, value: str, form: re.Pattern[str], example: str) -> None:
    """Refuse a text that is not of a form."""
    if not form.fullmatch(value):
        raise SpecError(f"{name} is {value!r}; say {example}")
