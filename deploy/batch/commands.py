# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands ``python -m deploy batch submit``, ``status`` and ``fetch``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.cli import add_output, add_target_options, add_timeout
from serving.console import Run, add_command

if TYPE_CHECKING:
    import argparse

    from serving.console import Parser

# Where the endpoint has no instances of its own to go by.
INSTANCE_TYPE = "ml.c6i.large"


def add_commands(parser: Parser) -> None:
    """Declare the commands and what runs them."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    send = add_command(
        commands, "submit", "send what has no answer yet; goes on after a kill",
        Run("deploy.batch.run:run_submit"),
        examples=("batch submit plans/", "batch submit s3://bucket/plans/ --instance-count 4"),
    )  # fmt: skip
    send.add_argument("inputs", nargs="+", metavar="INPUT", help="file, folder or s3://… prefix")
    send.add_argument("--name", help="of the batch; default: made of the first INPUT's")
    send.add_argument("--model", help="of SageMaker; default: what the endpoint has proved")
    send.add_argument("--instance-type", help=f"default: the endpoint's, else {INSTANCE_TYPE}")
    send.add_argument("--instance-count", type=_count, default=1, help="at once")
    send.add_argument("--concurrency", type=_count, help="at once on each; default: as it says")
    send.add_argument("--max-payload-mb", type=_count, help="default: as the container says")
    send.add_argument("--again", action="store_true", help="also what the container has refused")
    add_target_options(send)
    add_output(send)
    state = add_command(
        commands, "status", "how far a batch is; exit 3 while a job runs",
        Run("deploy.batch.run:run_status"), examples=("batch status plans-3f2a --wait",),
    )  # fmt: skip
    _add_which(state)
    state.add_argument("--wait", action="store_true", help="until no job runs")
    add_timeout(state, 3600.0, "of the wait")
    add_output(state)
    take = add_command(
        commands, "fetch", "what came of all files; exit 1 unless each has rooms",
        Run("deploy.batch.run:run_fetch"), about="json alone has the boxes of the rooms.",
        examples=("batch fetch plans-3f2a --output csv --out rooms.csv",),
    )  # fmt: skip
    _add_which(take)
    add_output(take, "json", "csv", old="--format")
    take.add_argument("--out", type=Path, help="a file in the place of stdout")


def _add_which(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="of the batch, as `submit` printed it")
    parser.add_argument("--model", help="as for `submit`")
    add_target_options(parser)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
