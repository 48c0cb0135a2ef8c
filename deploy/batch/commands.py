# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands ``python -m deploy batch submit``, ``status`` and ``fetch``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.endpoint.options import add_target_options
from serving.console import Run

if TYPE_CHECKING:
    import argparse

# Where the endpoint has no instances of its own to go by.
INSTANCE_TYPE = "ml.c6i.large"


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Declare the commands and what runs them."""
    areas = parser.add_subparsers(dest="command", required=True)
    send = areas.add_parser("submit", help="send what has no answer yet; goes on after a kill")
    send.add_argument("inputs", nargs="+", metavar="INPUT", help="file, folder or s3://… prefix")
    send.add_argument("--name", help="of the batch; default: made of the first INPUT's")
    send.add_argument("--model", help="of SageMaker; default: what the endpoint has proved")
    send.add_argument("--instance-type", help=f"default: the endpoint's, else {INSTANCE_TYPE}")
    send.add_argument("--instance-count", type=_count, default=1, help="default: 1")
    send.add_argument("--concurrency", type=_count, help="at once on each; default: as it says")
    send.add_argument("--max-payload-mb", type=_count, help="default: as the container says")
    send.add_argument("--again", action="store_true", help="also what the container has refused")
    add_target_options(send)
    send.set_defaults(run=Run("deploy.batch.run:run_submit"))
    state = areas.add_parser("status", help="how far a batch is; exit 3 while a job runs")
    _add_which(state)
    state.add_argument("--wait", action="store_true", help="until no job runs")
    state.add_argument("--timeout-s", type=float, default=3600.0, help="of the wait")
    state.set_defaults(run=Run("deploy.batch.run:run_status"))
    take = areas.add_parser("fetch", help="a table of all files; exit 1 unless each has rooms")
    _add_which(take)
    take.add_argument("--format", choices=("json", "csv"), default="json", help="json has boxes")
    take.add_argument("--out", type=Path, help="a file in the place of stdout")
    take.set_defaults(run=Run("deploy.batch.run:run_fetch"))


def _add_which(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="of the batch, as `submit` printed it")
    parser.add_argument("--model", help="as for `submit`")
    add_target_options(parser)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
