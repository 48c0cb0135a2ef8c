# SPDX-License-Identifier: AGPL-3.0-or-later
"""Options that several commands share, and the values that they take."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from serving.errors import BadUsage

if TYPE_CHECKING:
    import argparse

CONFIG = Path(__file__).parents[1] / "endpoint-config.yaml"
# Of one request (docs/api.md).
REQUEST_OPTIONS = {"confidence": float, "iou": float, "max_rooms": int, "page": int, "detail": str}


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that say which endpoint it is."""
    parser.add_argument("--config", type=Path, default=CONFIG, help="default: %(default)s")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    parser.add_argument(
        "--endpoint-url", metavar="URL", help="all services of AWS, in the place of AWS's own"
    )


def seconds(text: str) -> float:
    """A time to wait that ends.

    Raises:
        ValueError: If it is none.
    """
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError(text)
    return value


def parse_endpoint_url(url: str | None) -> str | None:
    """The address, if it is one that boto3 takes.

    Raises:
        BadUsage: If it is not.
    """
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises, if it is no number
    except ValueError as err:
        raise BadUsage(f"--endpoint-url {url!r} is no address: {err}") from err
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or "@" in url:
        raise BadUsage(f"--endpoint-url {url!r} is not http://HOST:PORT or https://HOST")
    return url
