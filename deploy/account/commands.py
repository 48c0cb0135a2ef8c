# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands ``bootstrap`` and ``doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.cli import add_output, add_target_options, add_yes
from serving.console import Run, add_command

if TYPE_CHECKING:
    from serving.console import Commands, Parser

PRINTS = ("template", "deployer-policy", "bootstrap-policy")


def add_commands(commands: Commands[Parser]) -> None:
    """Declare the commands and what runs them."""
    _add_bootstrap(commands)
    doctor = add_command(
        commands, "doctor", "what is wrong, and the next step",
        Run("deploy.account.doctor:run_doctor"),
        about="Nothing is changed. Exit 1 if something fails.", examples=("doctor",),
    )  # fmt: skip
    add_target_options(doctor)
    add_output(doctor, "table")


def _add_bootstrap(commands: Commands[Parser]) -> None:
    parser = add_command(
        commands, "bootstrap", "bucket, repository and role",
        Run("deploy.account.run:run_bootstrap"),
        about="They are made for the endpoint of the configuration: what that lets SageMaker read "
        "and write, the role may. Nothing is taken away without --prune.",
        examples=("bootstrap --write deploy.yaml", "bootstrap --print deployer-policy"),
    )  # fmt: skip
    add_yes(parser)
    parser.add_argument(
        "--write", type=Path, metavar="FILE",
        help="put what was made into this configuration; one that is not there begins as --config",
    )  # fmt: skip
    parser.add_argument(
        "--prune", action="store_true",
        help="take from the role what neither the configuration nor --plans and --outputs name",
    )  # fmt: skip
    parser.add_argument("--name", help="of the endpoint; default: the configuration's")
    parser.add_argument(
        "--plans", action="append", default=[], metavar="S3",
        help="another s3://bucket/prefix that the role may read plans from; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--outputs", action="append", default=[], metavar="S3",
        help="another that it may write answers to; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--print", choices=PRINTS, dest="document",
        help="a document, and change nothing; the template needs no account",
    )  # fmt: skip
    add_target_options(parser)
    add_output(parser, None)
