# SPDX-License-Identifier: AGPL-3.0-or-later
"""What goes wrong in the viewer, as it is told to the page."""

from __future__ import annotations

from roomdet_client.errors import ClientError


class ViewerError(ClientError):
    """Anything that the viewer raises on purpose; the page shows its message.

    Attributes:
        status: HTTP status of the answer to the page.
        code: Short name of what happened.
    """

    status = 400
    code = "bad_request"


class NotFound(ViewerError):
    """There is no such document, page, tile or file."""

    status = 404
    code = "not_found"


class Forbidden(ViewerError):
    """The request came from another site, or under another name than this server's."""

    status = 403
    code = "forbidden"


class TooLarge(ViewerError):
    """More was sent than the viewer takes."""

    status = 413
    code = "file_too_large"


class Unreadable(ViewerError):
    """The file is no picture or PDF that can be shown."""

    status = 422
    code = "unreadable"
