# SPDX-License-Identifier: AGPL-3.0-or-later
"""An answer a page, in the form of docs/api.md, with the name of its file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roomdet_client.exports.page import ExportPage


def document(page: ExportPage) -> dict[str, Any]:
    """One page."""
    head: dict[str, Any] = {"file": page.file}
    if page.page_count > 1:
        head |= {"page": page.page, "page_count": page.page_count}
    return {
        **head,
        "status": "success",
        "processing_time_ms": page.processing_time_ms,
        "detected_rooms": [room.as_json() for room in page.rooms],
    }


def encode(pages: Sequence[ExportPage]) -> bytes:
    """A line a page."""
    text = "".join(json.dumps(document(page), ensure_ascii=False) + "\n" for page in pages)
    return text.encode(errors="backslashreplace")
