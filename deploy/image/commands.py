# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands ``python -m deploy image …``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.image.rules import Hosting
from serving.console import Run

if TYPE_CHECKING:
    import argparse

DEFAULT_TAG = "roomdet:latest"
DEFAULT_BASE = "python:3.11-slim-bookworm"


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Declare the commands and what runs them."""
    commands = parser.add_subparsers(dest="image_command", required=True)
    check = commands.add_parser("check", help="does SageMaker take this image of a registry?")
    check.add_argument("image", help="registry/repository:tag or …@sha256:…")
    _add_demands(check)
    _add_connection(check)
    check.set_defaults(run=Run("deploy.image.run:run_check"))
    fix = commands.add_parser("fix", help="write the manifest that SageMaker takes")
    fix.add_argument("image", help="registry/repository:tag or …@sha256:…")
    fix.add_argument("--to", metavar="TAG", default="", help="write under this tag instead")
    _add_connection(fix)
    fix.set_defaults(run=Run("deploy.image.run_fix:run_fix"))
    build = commands.add_parser("build", help="build the image with Docker or podman")
    build.add_argument("--tag", default=DEFAULT_TAG)
    build.add_argument("--base", default=DEFAULT_BASE)
    build.add_argument("--archive", help="bake this archive in; a path below the checkout")
    build.add_argument("--push", action="store_true", help="push it, and check what arrived")
    build.add_argument("flags", nargs="*", help="after --: flags of docker build or podman build")
    _add_demands(build)
    _add_connection(build)
    build.set_defaults(run=Run("deploy.image.run:run_build_command"))
    push = commands.add_parser("push", help="push an image that was built, and check what arrived")
    push.add_argument("image", help="registry/repository:tag, as it is stored here")
    _add_demands(push)
    _add_connection(push)
    push.set_defaults(run=Run("deploy.image.run:run_push"))
    sizes = commands.add_parser("sizes", help="print the layers of an image that is stored here")
    sizes.add_argument("--tag", default=DEFAULT_TAG)
    sizes.add_argument("--base", default=DEFAULT_BASE)
    sizes.set_defaults(run=Run("deploy.image.run:run_sizes"))
    model_tar = commands.add_parser("model-tar", help="pack an archive for SageMaker")
    model_tar.add_argument("--archive", type=Path, default=Path("model_store/rooms.mar"))
    model_tar.add_argument("--out", type=Path, default=Path("build/model.tar.gz"))
    model_tar.set_defaults(run=Run("deploy.image.run:run_model_tar"))


def _add_demands(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hosting", type=Hosting, choices=list(Hosting), default="serverless")
    parser.add_argument(
        "--allow-oci", action="store_true", help="OCI media types are warnings, not errors"
    )


def _add_connection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--plain-http", action="store_true", help="ask the registry without TLS")
    parser.add_argument("--ca-file", help="certificates to trust in the place of the system's")
