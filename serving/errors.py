# SPDX-License-Identifier: AGPL-3.0-or-later
"""Errors of the tools; what they say is for people.

ToolError
├── BadUsage          a name, an address or an option is malformed; nothing was done
├── LocalServerError  TorchServe did not start, or the archive did not load
├── ArchiveError      a file is no archive of the room detector
├── WrongAnswer       the golden plan is not answered as its archive demands
└── RolloutError      a new version did not take the place of the old one
"""

from __future__ import annotations


class ToolError(Exception):
    """Anything that the tools raise on purpose."""


class BadUsage(ToolError):
    """A name, an address or an option is malformed; nothing was done."""


class LocalServerError(ToolError):
    """TorchServe did not start, or the archive did not load; the message says why."""


class ArchiveError(ToolError):
    """A file is no archive of the room detector; the message says why."""


class WrongAnswer(ToolError):
    """The golden plan is not answered as its archive demands."""


class RolloutError(ToolError):
    """A new version did not take the place of the old one; the message says what serves now."""
