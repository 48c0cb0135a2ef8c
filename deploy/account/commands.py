# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands ``bootstrap`` and ``doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.account.places import NAME
from deploy.cli import add_account_options, add_output, add_target_options, add_yes
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
        examples=("bootstrap --yes", "bootstrap --print deployer-policy"),
    )  # fmt: skip
    add_yes(parser)
    parser.add_argument("--name", default=NAME, help="of the endpoint")
    parser.add_argument("--region", help="default: that of boto3's own configuration")
    parser.add_argument(
        "--plans", action="append", default=[], metavar="S3",
        help="s3://bucket/prefix that the role may read plans from",
    )  # fmt: skip
    parser.add_argument(
        "--outputs", action="append", default=[], metavar="S3",
        help="s3://bucket/prefix that the role may write answers to",
    )  # fmt: skip
    parser.add_argument(
        "--print", choices=PRINTS, dest="document",
        help="a document, and change nothing; the template needs no account",
    )  # fmt: skip
    add_account_options(parser)
    add_output(parser, "table")
