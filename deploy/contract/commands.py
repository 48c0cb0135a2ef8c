# SPDX-License-Identifier: AGPL-3.0-or-later
"""The command ``python -m deploy contract URL|IMAGE|--endpoint NAME``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.cli import add_account_options, add_output
from deploy.contract.answers import OCTETS
from deploy.contract.network import Network
from serving.console import Run, add_command

if TYPE_CHECKING:
    from serving.console import Commands, Parser


def add_commands(commands: Commands[Parser]) -> None:
    """Declare the command and what runs it."""
    parser = add_command(
        commands, "contract", "does a container keep SageMaker's hosting rules?",
        Run("deploy.contract.run:run_contract"),
        examples=("contract roomdet:latest --model build/model", "contract http://127.0.0.1:8080"),
    )  # fmt: skip
    parser.add_argument("target", nargs="?", help="http://HOST:PORT of a server, or an image")
    parser.add_argument("--endpoint", metavar="NAME", help="a live endpoint in the place of those")
    parser.add_argument("--region", help="of the endpoint, if boto3's configuration has none")
    asked = parser.add_argument_group("what it is asked")
    asked.add_argument("--api", choices=("rooms", "any"), default="rooms", help="its wire")
    asked.add_argument("--sample", type=Path, help="a body that it answers with 2xx (--api any)")
    asked.add_argument("--content-type", default=OCTETS, help="of the sample")
    asked.add_argument("--attributes", default="", help="custom attributes sent with the sample")
    asked.add_argument("--takes-anything", action="store_true", help="it refuses no body")
    asked.add_argument("--concurrency", type=int, default=5, help="requests at once")
    runs = parser.add_argument_group("how an image is run")
    runs.add_argument("--memory-mb", type=int, default=2048, help="the chosen size")
    runs.add_argument("--cpus", type=float, default=2.0, help="shares of a core")
    runs.add_argument("--model", type=Path, help="folder to be mounted at /opt/ml/model")
    runs.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="a variable")
    runs.add_argument("--network", type=Network, choices=list(Network), default=Network.AUTO,
                      help="how its port is reached")  # fmt: skip
    parser.add_argument("--junit", type=Path, help="write JUnit's XML to this file")
    add_account_options(parser)
    add_output(parser, "table")
