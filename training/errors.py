# SPDX-License-Identifier: AGPL-3.0-or-later
"""Why a training run cannot start; every message is for the person who started it."""

from __future__ import annotations


class TrainError(Exception):
    """The settings, the checkpoint or the folder do not allow the run; the message says why."""
