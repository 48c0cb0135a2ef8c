# SPDX-License-Identifier: AGPL-3.0-or-later
"""The command ``python -m deploy contract URL|IMAGE|--endpoint NAME``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.contract.answers import OCTETS
from deploy.contract.network import Network
from serving.console import Run

if TYPE_CHECKING:
    import argparse


def add_command(parser: argparse.ArgumentParser) -> None:
    """Declare the command and what runs it."""
    parser.add_argument("target", nargs="?", help="http://HOST:PORT of a server, or an image")
    parser.add_argument("--endpoint", metavar="NAME", help="a live endpoint in the place of those")
    parser.add_argument("--region", help="of the endpoint, if boto3's configuration has none")
    asked = parser.add_argument_group("what it is asked")
    asked.add_argument("--api", choices=("rooms", "any"), default="rooms", help="default: rooms")
    asked.add_argument("--sample", type=Path, help="a body that it answers with 2xx (--api any)")
    asked.add_argument("--content-type", default=OCTETS, help=f"of the sample; default {OCTETS}")
    asked.add_argument("--attributes", default="", help="custom attributes sent with the sample")
    asked.add_argument("--takes-anything", action="store_true", help="it refuses no body")
    asked.add_argument("--concurrency", type=int, default=5, help="requests at once; default 5")
    runs = parser.add_argument_group("how an image is run")
    runs.add_argument("--memory-mb", type=int, default=2048, help="the chosen size; default 2048")
    runs.add_argument("--cpus", type=float, default=2.0, help="default 2")
    runs.add_argument("--model", type=Path, help="folder to be mounted at /opt/ml/model")
    runs.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    runs.add_argument("--network", type=Network, choices=list(Network), default=Network.AUTO)
    parser.add_argument("--junit", type=Path, help="write JUnit's XML to this file")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=Run("deploy.contract.run:run_contract"))
