# SPDX-License-Identifier: AGPL-3.0-or-later
"""The command ``python -m deploy local sagemaker``."""

from __future__ import annotations

import argparse

from serving.console import Commands, Parser, Run, add_command, seconds_below

MODES = ("torchserve", "image")
DEFAULT_PORT = 5055
DEFAULT_REGION = "eu-central-1"
_MOST_PORT = 65535
_MOST_SECONDS = 3600


def add_commands(commands: Commands[Parser]) -> None:
    """Declare the command and what runs it."""
    parser = add_command(
        commands, "sagemaker", "SageMaker's calls on this machine, until Ctrl-C",
        Run("sagemaker_local.run:run_sagemaker", "make local-sagemaker"),
        examples=("local sagemaker", "local sagemaker --port 0 --time-scale 0.01"),
    )  # fmt: skip
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help="0 takes a free one")
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
        "--seconds-per-object", type=seconds_below(_MOST_SECONDS), default=0.0, metavar="SECONDS",
        help="how long an instance of a transform job takes for an object at least, before the "
        "time scale: for simulations of what many instances do",
    )  # fmt: skip
    parser.add_argument(
        "--empty", action="store_true", help="no bucket, no role and no image at the start"
    )


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
