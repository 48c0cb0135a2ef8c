# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the command ``local sagemaker`` does."""

from __future__ import annotations

import json
import signal
import threading
from typing import TYPE_CHECKING

from deploy.account.places import NAME
from sagemaker_local.local_sagemaker import ServeWith, local_sagemaker, starter
from sagemaker_local.seeding import seed
from serving.console import say
from serving.errors import BadUsage, ToolError

if TYPE_CHECKING:
    import argparse

    from sagemaker_local.local_sagemaker import LocalSageMaker


def run_sagemaker(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM; 0 after a wanted stop."""
    if args.image and args.serve_with != "image":
        raise BadUsage("--image goes with --serve-with image")
    start = starter(ServeWith(args.serve_with), args.image)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    try:
        # The candidate's server becomes the endpoint's: a deployment is there in half the time.
        with local_sagemaker(
            start, port=args.port, time_scale=args.time_scale, spare=1, region=args.region
        ) as place:
            place.backend.seconds_per_object = args.seconds_per_object
            print(json.dumps(_description(place, args)), flush=True)
            stop.wait()
            say("Stopping …")
    except (OSError, SystemExit) as err:  # werkzeug exits where a port is taken
        raise ToolError(f"port {args.port} cannot be listened on ({err})") from err
    return 0


def _description(place: LocalSageMaker, args: argparse.Namespace) -> dict[str, object]:
    """What a user, or a program, needs to go there."""
    variables = place.environ | {"AWS_DEFAULT_REGION": args.region}
    exports = " ".join(f"{name}={value}" for name, value in variables.items())
    found: dict[str, object] = {
        "endpoint_url": place.url,
        "export": f"export {exports}",
        "registry": f"{place.url.removeprefix('http://')}/{NAME}",
    }
    if not args.empty:
        found["set"] = seed(place.backend.aws, args.region).settings()
    return found
