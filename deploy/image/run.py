# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the commands ``image check``, ``build``, ``push``, ``sizes`` and ``model-tar`` do.

Building needs Python alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.cli import parse_endpoint_url
from deploy.image.connect import connection_of, open_registry
from deploy.image.engine import Build, find_engine, push_commands, run_all, run_build
from deploy.image.inspection import inspect
from deploy.image.model_tar import pack_model
from deploy.image.names import parse_name
from deploy.image.push import log_in
from deploy.image.report import check_document, check_text
from deploy.image.rules import Demands, Hosting, is_acceptable, judge
from deploy.image.sizes import measure, table
from deploy.image.source import labels
from serving.console import say, tell
from serving.errors import BadUsage

if TYPE_CHECKING:
    import argparse

    from deploy.image.names import ImageName


def run_check(args: argparse.Namespace) -> int:
    """Say whether SageMaker takes an image; 0 if it does."""
    return _check(args, parse_name(args.image))


def run_build_command(args: argparse.Namespace) -> int:
    """Build the image; with --push, print what to deploy and say whether SageMaker takes it."""
    name = parse_name(args.tag) if args.push else None
    arguments = {"BASE_IMAGE": args.base}
    if args.archive:
        arguments["ARCHIVE"] = args.archive
    aws_url = parse_endpoint_url(args.endpoint_url)
    engine = find_engine()
    if name is not None:
        log_in(engine, name, say, aws_url=aws_url)
    say(f"Building {args.tag} with {engine} …")
    run_build(engine, Build(args.tag, arguments, labels(Path()), tuple(args.flags), args.push))
    if name is not None:
        return _check(args, name, only_name=True)
    tell(json.dumps({"image": args.tag}) if args.output == "json" else args.tag)
    return 0


def run_push(args: argparse.Namespace) -> int:
    """Push an image; print what to deploy and say whether SageMaker takes it."""
    name = parse_name(args.image)
    if name.digest:
        raise BadUsage(f"{args.image}: an image is pushed under a tag, not under a digest")
    aws_url = parse_endpoint_url(args.endpoint_url)
    engine = find_engine()
    log_in(engine, name, say, aws_url=aws_url)
    run_all(push_commands(engine, args.image))
    return _check(args, name, only_name=True)


def run_sizes(args: argparse.Namespace) -> int:
    """Print the layers of an image."""
    tell(table(measure(find_engine().program, args.tag, args.base)))
    return 0


def run_model_tar(args: argparse.Namespace) -> int:
    """Pack an archive for SageMaker."""
    pack_model(args.archive, args.out)
    tell(f"{args.out}: {args.out.stat().st_size:,} bytes")
    return 0


def _check(args: argparse.Namespace, name: ImageName, *, only_name: bool = False) -> int:
    seen = inspect(open_registry(name, connection_of(args)), name)
    findings = judge(seen, Demands(args.hosting or Hosting.SERVERLESS, args.allow_oci))
    is_accepted = is_acceptable(findings)
    if args.output == "json":
        tell(json.dumps(check_document(seen, findings), indent=2))
    elif only_name and is_accepted:
        tell(name.at(digest=seen.top.digest))
    else:
        tell(check_text(seen, findings))
    return 0 if is_accepted else 1
