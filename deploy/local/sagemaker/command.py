# SPDX-License-Identifier: AGPL-3.0-or-later
"""The command ``python -m deploy local sagemaker``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploy.local.sagemaker.place import Place

MODES = ("torchserve", "image")
DEFAULT_PORT = 5055
DEFAULT_REGION = "eu-central-1"
_NEEDED = " ".join(f"-r requirements/{name}.txt" for name in ("serve", "deploy", "local-sagemaker"))
_MOST_PORT = 65535
_MOST_SECONDS = 3600


def add_command(parser: argparse.ArgumentParser) -> None:
    """Declare the command and what runs it."""
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help=f"{DEFAULT_PORT}; 0 takes a free one"
    )
    parser.add_argument(
        "--serve-with", choices=MODES, default=MODES[0], help="what runs: TorchServe of this "
        "machine, or a container of an image"
    )  # fmt: skip
    parser.add_argument(
        "--image", default="", help="with --serve-with image: runs in the place of ECR's"
    )
    parser.add_argument("--region", default=DEFAULT_REGION, help="of what is there at the start")
    parser.add_argument(
        "--time-scale", type=_scale, default=1.0, metavar="FACTOR",
        help="shortens SageMaker's waits and CloudWatch's periods, such as 0.01",
    )  # fmt: skip
    parser.add_argument(
        "--seconds-per-object", type=_seconds, default=0.0, metavar="SECONDS",
        help="how long an instance of a transform job takes for an object at least, before the "
        "time scale: for simulations of what many instances do",
    )  # fmt: skip
    parser.add_argument(
        "--empty", action="store_true", help="no bucket, no role and no image at the start"
    )
    parser.set_defaults(run=run)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > _MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; allowed: 0 to {_MOST_PORT}")
    return int(text)


def _scale(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r}; more than 0, at most 1")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < _MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r}; 0 or more, less than {_MOST_SECONDS}")
    return value


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM; 0 after a wanted stop, 1 failed, 2 bad usage."""
    if args.image and args.serve_with != "image":
        return _fail("--image goes with --serve-with image", 2)
    try:
        from deploy.local.sagemaker.place import (  # noqa: PLC0415  # moto need not be here
            ServeWith,
            local_sagemaker,
            starter,
        )

        start = starter(ServeWith(args.serve_with), args.image)
    except ImportError as err:
        return _fail(f"{err.name} is missing: pip install -c constraints.txt {_NEEDED}", 1)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    try:
        # The candidate's server becomes the endpoint's: a deployment is there in half the time.
        with local_sagemaker(start, port=args.port, time_scale=args.time_scale, spare=1) as place:
            place.hosting.seconds_per_object = args.seconds_per_object
            print(json.dumps(_description(place, args)), flush=True)
            stop.wait()
            print("Stopping …", file=sys.stderr)
    except (OSError, SystemExit) as err:  # werkzeug exits where a port is taken
        return _fail(f"port {args.port} cannot be listened on ({err})", 1)
    return 0


def _description(place: Place, args: argparse.Namespace) -> dict[str, object]:
    """What a user, or a program, needs to go there."""
    variables = place.environ | {"AWS_DEFAULT_REGION": args.region}
    exports = " ".join(f"{name}={value}" for name, value in variables.items())
    found: dict[str, object] = {"endpoint_url": place.url, "export": f"export {exports}"}
    if not args.empty:
        from deploy.local.sagemaker.seeding import seed  # noqa: PLC0415

        found["set"] = seed(place.hosting.neighbors, args.region).settings()
    return found


def _fail(reason: str, status: int) -> int:
    print(f"error: {reason}", file=sys.stderr)
    return status
