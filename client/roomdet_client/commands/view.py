# SPDX-License-Identifier: AGPL-3.0-or-later
"""``roomdet view [FILE|FOLDER]``: rooms of plans in the browser, to look at and to correct."""

from __future__ import annotations

import argparse
import contextlib
import sys
import webbrowser
from pathlib import Path

DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT_SAVE = Path("my-plans")
MOST_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("source", type=Path, nargs="?", help="a plan, or a folder of plans")
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--url", default=DEFAULT_URL, help="the server that finds rooms")
    target.add_argument("--endpoint", help="a SageMaker endpoint instead")
    parser.add_argument("--region", help="of the endpoint, if the environment does not say")
    parser.add_argument(
        "--save", type=Path, default=DEFAULT_SAVE, help="folder for corrected plans (%(default)s)"
    )
    parser.add_argument("--port", type=_port, default=0, help="of the viewer; a free one")
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address, open no browser"
    )


def run(args: argparse.Namespace) -> int:
    """Serve the viewer until Ctrl-C; 0 after that, 1 when it can't start."""
    try:
        from roomdet_client.viewer.detecting import Endpoint, Server  # noqa: PLC0415
        from roomdet_client.viewer.plan_set import PlanSet  # noqa: PLC0415
        from roomdet_client.viewer.server import Viewer  # noqa: PLC0415
        from roomdet_client.viewer.shelf import Shelf  # noqa: PLC0415
    except ImportError as err:
        return _fail(f"the viewer needs {err.name}: pip install 'roomdet-client[draw]'")
    if args.source and not args.source.exists():
        return _fail(f"there is no {args.source}")
    try:
        detector = Endpoint(args.endpoint, args.region) if args.endpoint else Server(args.url)
        viewer = Viewer(args.port, Shelf(args.source), PlanSet(args.save.resolve()), detector)
    except ImportError as err:
        return _fail(f"--endpoint needs {err.name}: pip install 'roomdet-client[sagemaker]'")
    except (OSError, ValueError) as err:
        return _fail(str(err))
    with viewer, contextlib.suppress(KeyboardInterrupt):
        print(viewer.url, flush=True)
        print(f"Rooms from {detector.name}. Ctrl-C ends the viewer.", file=sys.stderr)
        if not args.no_browser:
            webbrowser.open(viewer.url)
        viewer.serve_forever()
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; allowed: 0 to {MOST_PORT}")
    return int(text)


def _fail(reason: str) -> int:
    print(f"error: {reason}", file=sys.stderr)
    return 1
