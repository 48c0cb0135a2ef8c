# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands ``bootstrap`` and ``doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.account.places import NAME
from deploy.endpoint.options import add_target_options
from serving.console import Run

if TYPE_CHECKING:
    import argparse

PRINTS = ("template", "deployer-policy", "bootstrap-policy")


def add_bootstrap(parser: argparse.ArgumentParser) -> None:
    """Declare `bootstrap` and what runs it."""
    parser.add_argument("--yes", action="store_true", help="make it; without it, say what it is")
    parser.add_argument("--name", default=NAME, help="of the endpoint; default: %(default)s")
    parser.add_argument("--region", help="default: that of boto3's own configuration")
    parser.add_argument(
        "--plans", action="append", default=[], metavar="S3",
        help="s3://bucket/prefix that the role may read plans from",
    )  # fmt: skip
    parser.add_argument(
        "--outputs", action="append", default=[], metavar="S3",
        help="s3://bucket/prefix that the role may write answers to",
    )  # fmt: skip
    parser.add_argument("--endpoint-url", metavar="URL", help="in the place of AWS's own")
    parser.add_argument("--json", action="store_true", help="the calls as JSON, without --yes")
    parser.add_argument(
        "--print", choices=PRINTS, dest="document",
        help="a document, and change nothing; the template needs no account",
    )  # fmt: skip
    parser.set_defaults(run=Run("deploy.account.run:run_bootstrap"))


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """Declare `doctor` and what runs it."""
    add_target_options(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=Run("deploy.account.doctor:run_doctor"))
