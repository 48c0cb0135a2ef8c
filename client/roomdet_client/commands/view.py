# SPDX-License-Identifier: AGPL-3.0-or-later
"""``roomdet view [FILE|FOLDER]``: rooms of plans in the browser, to look at and to correct."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import webbrowser
from pathlib import Path

from roomdet_client.commands.target import add_target_arguments, open_client
from roomdet_client.errors import PlanUnreadable
from roomdet_client.viewer.plan_set import PlanSet
from roomdet_client.viewer.server import Viewer
from roomdet_client.viewer.shelf import Shelf

DEFAULT_SAVE = Path("my-plans")
MOST_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("source", type=Path, nargs="?", help="a plan, or a folder of plans")
    parser.add_argument(
        "--save",
        type=Path,
        default=DEFAULT_SAVE,
        metavar="FOLDER",
        help="where corrected plans go; default %(default)s",
    )
    parser.add_argument("--port", type=_port, default=0, help="of the viewer; default a free one")
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address, open no browser"
    )
    add_target_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Serve the viewer until Ctrl-C or SIGTERM; 0 after that.

    Raises:
        ClientError: If the plans or the server can't be what was named.
        OSError: If the port is taken.
    """
    if args.source and not args.source.exists():
        raise PlanUnreadable(f"there is no {args.source}")
    with (
        open_client(args) as client,
        Viewer(args.port, Shelf(args.source), PlanSet(args.save.resolve()), client) as viewer,
        contextlib.suppress(KeyboardInterrupt),
    ):
        print(viewer.url, flush=True)
        print(f"Rooms from {client.where}. Ctrl-C ends the viewer.", file=sys.stderr)
        if not args.no_browser:
            webbrowser.open(viewer.url)
        # SIGTERM ends it as Ctrl-C does, also where a shell started it in the background.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        viewer.serve_forever()
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; allowed: 0 to {MOST_PORT}")
    return int(text)
