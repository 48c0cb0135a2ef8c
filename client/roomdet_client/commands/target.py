# SPDX-License-Identifier: AGPL-3.0-or-later
"""Options that several commands share: whom to ask, and what."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from roomdet_client.client import TIMEOUT_S, RoomClient, words
from roomdet_client.facts import INCLUDES

if TYPE_CHECKING:
    from typing import Any

DEFAULT_URL = "http://127.0.0.1:8080"
_DETAILS = ("auto", "page", "sheet")


def add_target_arguments(parser: argparse.ArgumentParser) -> None:
    """``--url`` or ``--endpoint``, and how to ask there."""
    group = parser.add_argument_group("whom to ask")
    where = group.add_mutually_exclusive_group()
    where.add_argument("--url", default=DEFAULT_URL, help=f"of a server; default {DEFAULT_URL}")
    where.add_argument("--endpoint", metavar="NAME", help="of SageMaker, instead of a server")
    add_asking_arguments(group)


def add_asking_arguments(group: argparse._ArgumentGroup) -> None:
    """How to ask, wherever."""
    group.add_argument("--region", help="of AWS")
    group.add_argument("--s3", metavar="s3://BUCKET/PREFIX/", help="where plans go that are too "
                       "large to be sent, and the server may read them")  # fmt: skip
    group.add_argument("--timeout-s", type=float, default=TIMEOUT_S, metavar="S",
                       help=f"for an answer; default {TIMEOUT_S:g}")  # fmt: skip
    group.add_argument("-j", "--jobs", type=int, default=4, metavar="N",
                       help="pages asked for at once; default 4")  # fmt: skip


def add_option_arguments(parser: argparse.ArgumentParser) -> None:
    """The API's options (docs/api.md)."""
    group = parser.add_argument_group("what to ask")
    group.add_argument("--confidence", type=float, metavar="0.01…1", help="default 0.25")
    group.add_argument("--iou", type=float, metavar="0…1", help="default 0.45")
    group.add_argument("--max-rooms", type=int, metavar="1…1000", help="default 300")
    group.add_argument("--detail", choices=_DETAILS, help="how closely to look; default auto")
    group.add_argument("--include", type=_includes, metavar="name,polygon,area",
                       help="what else is wanted of each room")  # fmt: skip
    group.add_argument("--scale", metavar="1:100",
                       help="of the drawing, for areas, where the page states none")  # fmt: skip


def _includes(text: str) -> list[str]:
    found = words(text)
    for word in found:
        if word not in INCLUDES:
            raise argparse.ArgumentTypeError(
                f"{word!r} cannot be included; allowed: {', '.join(INCLUDES)}"
            )
    return found


def options_of(args: argparse.Namespace) -> dict[str, Any]:
    """The API's options that were given."""
    names = ("confidence", "iou", "max_rooms", "detail", "include", "scale")
    return {name: value for name in names if (value := getattr(args, name)) is not None}


def open_client(args: argparse.Namespace, target: str | None = None) -> RoomClient:
    """A client of what was named.

    Args:
        args: With the arguments declared here.
        target: An address or the name of an endpoint, instead of ``--url`` and ``--endpoint``.

    Raises:
        ClientError: If an address is none, or what it needs is not installed.
    """
    settings = {
        "timeout_s": args.timeout_s,
        "concurrency": args.jobs,
        "s3_place": args.s3,
        "region": args.region,
    }
    endpoint = args.endpoint if target is None else None
    url = args.url if target is None else target
    if target is not None and "://" not in target:
        endpoint = target
    if endpoint:
        return RoomClient.sagemaker(endpoint, **settings)
    return RoomClient(url, **settings)
