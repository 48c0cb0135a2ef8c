# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands ``python -m deploy image …``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.cli import add_account_options, add_output, add_target_options
from deploy.image.rules import Hosting
from serving.console import Run, add_command

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from serving.console import Parser

DEFAULT_TAG = "roomdet:latest"
DEFAULT_BASE = "python:3.11-slim-bookworm"
_DEFAULT = " (default: serverless); without it, the configuration's mode says so"
_NAMED = "registry/repository:tag or …@sha256:…"


def add_commands(parser: Parser) -> None:
    """Declare the commands and what runs them."""
    commands = parser.add_subparsers(dest="image_command", required=True, metavar="COMMAND")
    check = add_command(
        commands, "check", "does SageMaker take this image of a registry?",
        Run("deploy.image.run:run_check"), examples=("image check REGISTRY/rooms:1",),
    )  # fmt: skip
    check.add_argument("image", help=_NAMED)
    _add_demands(check)
    _add_connection(check)
    fix = add_command(
        commands, "fix", "write the manifest that SageMaker takes",
        Run("deploy.image.run_fix:run_fix"), examples=("image fix REGISTRY/rooms:1",),
    )  # fmt: skip
    fix.add_argument("image", help=_NAMED)
    fix.add_argument("--to", metavar="TAG", default="", help="write under this tag instead")
    _add_connection(fix)
    build = add_command(
        commands, "build", "build the image with Docker or podman",
        Run("deploy.image.run:run_build_command"), about="It needs Python alone.",
        examples=("image build", "image build --push --tag REGISTRY/rooms:1 -- --no-cache"),
    )  # fmt: skip
    build.add_argument("--tag", default=DEFAULT_TAG, help="its name")
    build.add_argument("--base", default=DEFAULT_BASE, help="what it is built on")
    build.add_argument("--archive", help="bake this archive in; a path below the checkout")
    build.add_argument("--push", action="store_true", help="push it, and check what arrived")
    build.add_argument("flags", nargs="*", help="after --: flags of docker build or podman build")
    _add_demands(build)
    _add_connection(build)
    push = add_command(
        commands, "push", "push an image that was built, and check what arrived",
        Run("deploy.endpoint.push:run_push"),
        about="Without IMAGE it goes to the configuration's repository, and its digest is written "
        "to the configuration.", examples=("image push", "image push REGISTRY/rooms:1"),
    )  # fmt: skip
    push.add_argument(
        "image", nargs="?", help="registry/repository:tag, as it is stored here, to be pushed there"
    )
    push.add_argument(
        "--tag", default=DEFAULT_TAG, help="without IMAGE, the image of this machine that is "
        "pushed; it is built if it is not there",
    )  # fmt: skip
    _add_demands(push, None, "with IMAGE alone, ")
    _add_connection(push, add_target_options)
    sizes = add_command(
        commands, "sizes", "print the layers of an image that is stored here",
        Run("deploy.image.run:run_sizes"),
    )  # fmt: skip
    sizes.add_argument("--tag", default=DEFAULT_TAG, help="its name")
    sizes.add_argument("--base", default=DEFAULT_BASE, help="what it was built on")
    model_tar = add_command(
        commands, "model-tar", "pack an archive for SageMaker",
        Run("deploy.image.run:run_model_tar"),
    )  # fmt: skip
    model_tar.add_argument(
        "--archive", type=Path, default=Path("model_store/rooms.mar"), help="what is packed"
    )
    model_tar.add_argument(
        "--out", type=Path, default=Path("build/model.tar.gz"), help="what is written"
    )


def _add_demands(
    parser: argparse.ArgumentParser, hosting: str | None = "serverless", scope: str = ""
) -> None:
    parser.add_argument("--hosting", type=Hosting, choices=list(Hosting), default=hosting,
                        help=f"{scope}what it is to run on{_DEFAULT if scope else ''}")  # fmt: skip
    parser.add_argument(
        "--allow-oci", action="store_true", help=f"{scope}OCI media types are warnings, not errors"
    )


def _add_connection(
    parser: argparse.ArgumentParser,
    add_options: Callable[[argparse.ArgumentParser], None] = add_account_options,
) -> None:
    add_options(parser)
    add_output(parser, "table")
    parser.add_argument("--plain-http", action="store_true", help="ask the registry without TLS")
    parser.add_argument("--ca-file", help="certificates to trust in the place of the system's")
