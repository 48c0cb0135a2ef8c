# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands ``python -m deploy image …``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.console import guarded, say
from deploy.errors import BadUsage
from deploy.image.connect import Connection, open_registry
from deploy.image.engine import Build, find_engine, push_commands, run_all, run_build
from deploy.image.inspection import inspect
from deploy.image.model_tar import pack_model
from deploy.image.names import TAG, parse_name
from deploy.image.push import log_in
from deploy.image.report import check_document, check_text, fix_document
from deploy.image.rules import Demands, Hosting, is_acceptable, judge
from deploy.image.sizes import measure, table
from deploy.image.source import labels

if TYPE_CHECKING:
    import argparse

    from deploy.image.names import ImageName

DEFAULT_TAG = "roomdet:latest"
DEFAULT_BASE = "python:3.11-slim-bookworm"


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Declare the commands and what runs them."""
    commands = parser.add_subparsers(dest="image_command", required=True)
    check = commands.add_parser("check", help="does SageMaker take this image of a registry?")
    check.add_argument("image", help="registry/repository:tag or …@sha256:…")
    _add_demands(check)
    _add_connection(check)
    check.set_defaults(run=guarded(run_check))
    fix = commands.add_parser("fix", help="write the manifest that SageMaker takes")
    fix.add_argument("image", help="registry/repository:tag or …@sha256:…")
    fix.add_argument("--to", metavar="TAG", default="", help="write under this tag instead")
    _add_connection(fix)
    fix.set_defaults(run=guarded(run_fix))
    build = commands.add_parser("build", help="build the image with Docker or podman")
    build.add_argument("--tag", default=DEFAULT_TAG)
    build.add_argument("--base", default=DEFAULT_BASE)
    build.add_argument("--archive", help="bake this archive in; a path below the checkout")
    build.add_argument("--push", action="store_true", help="push it, and check what arrived")
    build.add_argument("flags", nargs="*", help="after --: flags of docker build or podman build")
    _add_demands(build)
    _add_connection(build)
    build.set_defaults(run=guarded(run_build_command))
    push = commands.add_parser("push", help="push an image that was built, and check what arrived")
    push.add_argument("image", help="registry/repository:tag, as it is stored here")
    _add_demands(push)
    _add_connection(push)
    push.set_defaults(run=guarded(run_push))
    sizes = commands.add_parser("sizes", help="print the layers of an image that is stored here")
    sizes.add_argument("--tag", default=DEFAULT_TAG)
    sizes.add_argument("--base", default=DEFAULT_BASE)
    sizes.set_defaults(run=guarded(run_sizes))
    model_tar = commands.add_parser("model-tar", help="pack an archive for SageMaker")
    model_tar.add_argument("--archive", type=Path, default=Path("model_store/rooms.mar"))
    model_tar.add_argument("--out", type=Path, default=Path("build/model.tar.gz"))
    model_tar.set_defaults(run=guarded(run_model_tar))


def _add_demands(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hosting", type=Hosting, choices=list(Hosting), default="serverless")
    parser.add_argument(
        "--allow-oci", action="store_true", help="OCI media types are warnings, not errors"
    )


def _add_connection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--plain-http", action="store_true", help="ask the registry without TLS")
    parser.add_argument("--ca-file", help="certificates to trust in the place of the system's")


def run_check(args: argparse.Namespace) -> int:
    """Say whether SageMaker takes an image; 0 if it does."""
    return _check(args, parse_name(args.image))


def run_fix(args: argparse.Namespace) -> int:
    """Write the manifest that SageMaker takes; 0 if it lies there now."""
    from deploy.image.fix import fix  # noqa: PLC0415  # needs zstandard, which building does not

    name = parse_name(args.image)
    if args.to and not TAG.fullmatch(args.to):
        raise BadUsage(f"{args.to!r} is no tag; a tag has letters, digits, _ . -")
    fixed = fix(open_registry(name, _connection(args)), name, tag=args.to, say=say)
    if args.json:
        print(json.dumps(fix_document(fixed), indent=2))
    else:
        print(fixed.name.at(digest=fixed.name.digest))
    return 0


def run_build_command(args: argparse.Namespace) -> int:
    """Build the image; with --push, print what to deploy and say whether SageMaker takes it."""
    name = parse_name(args.tag) if args.push else None
    arguments = {"BASE_IMAGE": args.base}
    if args.archive:
        arguments["ARCHIVE"] = args.archive
    engine = find_engine()
    if name is not None:
        log_in(engine, name, say)
    say(f"Building {args.tag} with {engine} …")
    run_build(engine, Build(args.tag, arguments, labels(Path()), tuple(args.flags), args.push))
    if name is not None:
        return _check(args, name, only_name=True)
    print(json.dumps({"image": args.tag}) if args.json else args.tag)
    return 0


def run_push(args: argparse.Namespace) -> int:
    """Push an image; print what to deploy and say whether SageMaker takes it."""
    name = parse_name(args.image)
    if name.digest:
        raise BadUsage(f"{args.image}: an image is pushed under a tag, not under a digest")
    engine = find_engine()
    log_in(engine, name, say)
    run_all(push_commands(engine, args.image))
    return _check(args, name, only_name=True)


def run_sizes(args: argparse.Namespace) -> int:
    """Print the layers of an image."""
    print(table(measure(find_engine().program, args.tag, args.base)))
    return 0


def run_model_tar(args: argparse.Namespace) -> int:
    """Pack an archive for SageMaker."""
    pack_model(args.archive, args.out)
    print(f"{args.out}: {args.out.stat().st_size:,} bytes")
    return 0


def _check(args: argparse.Namespace, name: ImageName, *, only_name: bool = False) -> int:
    seen = inspect(open_registry(name, _connection(args)), name)
    findings = judge(seen, Demands(args.hosting, args.allow_oci))
    is_accepted = is_acceptable(findings)
    if args.json:
        print(json.dumps(check_document(seen, findings), indent=2))
    elif only_name and is_accepted:
        print(name.at(digest=seen.top.digest))
    else:
        print(check_text(seen, findings))
    return 0 if is_accepted else 1


def _connection(args: argparse.Namespace) -> Connection:
    return Connection(args.plain_http, args.ca_file)
