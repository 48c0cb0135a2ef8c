# SPDX-License-Identifier: AGPL-3.0-or-later
"""Errors of the room detector.

RoomdetError
├── RequestError           answered to the caller, for that item of the batch only
│   ├── InvalidFileFormat  the bytes are no picture or page we read    400 invalid_file_format
│   ├── FileTooLarge       over the byte, pixel, page or memory limit  413 file_too_large
│   │   └── PageTooSlow    over the time that a page may take
│   ├── ValidationError    unknown or out-of-range request option      400 validation_error
│   └── ProcessingFailed   our fault; no reason is shown               500 processing_failed
├── ConfigError            the operator's fault: the worker refuses to start
└── ModelError             the archive's fault: the worker refuses to start
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping


class RoomdetError(Exception):
    """Anything this package raises on purpose."""


class RequestError(RoomdetError):
    """One item of a batch cannot be served; its neighbors can.

    Args:
        message: What came and what is allowed; shown to the caller.
        details: The same as values, for programs; JSON-compatible.
        reason: For the server's log alone, where there is more to say than a caller may know.
    """

    code: ClassVar[str]
    status: ClassVar[int]

    def __init__(
        self, message: str, details: Mapping[str, object] | None = None, *, reason: str = ""
    ) -> None:
        super().__init__(message)
        self.details = dict(details or {})
        self.reason = reason


class InvalidFileFormat(RequestError):
    """The bytes are no picture or document page that can be read."""

    code = "invalid_file_format"
    status = 400


class FileTooLarge(RequestError):
    """The bytes, the pixels, the pages or the memory exceed a configured limit."""

    code = "file_too_large"
    status = 413


class PageTooSlow(FileTooLarge):
    """Reading a page takes longer than it may."""


class ValidationError(RequestError):
    """The request is not of the documented form, or an option is out of range."""

    code = "validation_error"
    status = 400


class ProcessingFailed(RequestError):
    """Something broke on our side; the log holds the reason under the request id."""

    code = "processing_failed"
    status = 500


class ConfigError(RoomdetError):
    """A setting is unknown or out of range."""


class ModelError(RoomdetError):
    """The archive's network is missing, damaged, or does not find its golden plan's rooms."""
