# SPDX-License-Identifier: AGPL-3.0-or-later
"""The command ``roomdet``."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    return 0
