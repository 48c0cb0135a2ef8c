# SPDX-License-Identifier: AGPL-3.0-or-later
"""Why the container ends with a status other than 0.

ServeError
├── UsageError   the command line is not understood           exit 2
├── StartError   settings, limits or the archive are unfit     exit 1
└── ServerDied   TorchServe ended, or does not become healthy  exit 1
"""

from __future__ import annotations

from typing import ClassVar


class ServeError(Exception):
    """The container cannot serve; the message says why."""

    exit_status: ClassVar[int] = 1


class UsageError(ServeError):
    """The container was started with arguments other than ``serve``."""

    exit_status = 2


class StartError(ServeError):
    """TorchServe was not started, or the model does not load."""


class ServerDied(ServeError):
    """TorchServe ended by itself, or it runs without serving."""
