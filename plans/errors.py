# SPDX-License-Identifier: AGPL-3.0-or-later
"""Why a plan set cannot be used; every message is for the person who named it."""

from __future__ import annotations


class DataError(Exception):
    """The data cannot be read; the message names the files."""
