# SPDX-License-Identifier: AGPL-3.0-or-later
"""``python -m deploy.image build``, ``… sizes`` and ``… model-tar``."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from deploy.image.engine import Build, EngineError, find_engine, run_build
from deploy.image.model_tar import pack_model
from deploy.image.sizes import measure, table

DEFAULT_TAG = "roomdet:latest"
DEFAULT_BASE = "python:3.11-slim-bookworm"
_VERSION_FILE = Path("handler/roomdet/__init__.py")


def labels(context: Path) -> dict[str, str]:
    """Build arguments that become labels: version, commit and address of the source.

    The address is ``SOURCE_URL`` of the environment or, if it is one, that of git's origin.
    """
    version = re.search(
        r'^__version__ = "(.+)"', (context / _VERSION_FILE).read_text("utf-8"), re.M
    )
    revision = _git(context, "rev-parse", "HEAD") or "unknown"
    if _git(context, "status", "--porcelain", "--untracked-files=no"):
        revision += "-modified"
    origin = _git(context, "config", "remote.origin.url")
    source = os.environ.get("SOURCE_URL") or (origin if "://" in origin else "unknown")
    return {
        "VERSION": version[1] if version else "unknown",
        "REVISION": revision,
        "SOURCE": source,
    }


def _git(folder: Path, *args: str) -> str:
    try:
        return subprocess.run(
            ["git", "-C", folder, *args], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 done, 1 failed, 2 bad usage."""
    parser = argparse.ArgumentParser(prog="python -m deploy.image", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build the image with Docker or podman")
    build.add_argument("--tag", default=DEFAULT_TAG)
    build.add_argument("--base", default=DEFAULT_BASE)
    build.add_argument("--archive", help="bake this archive in; a path below the checkout")
    build.add_argument("--push", action="store_true", help="push it to the tag's registry")
    build.add_argument("flags", nargs="*", help="after --: flags of docker build or podman build")
    sizes = commands.add_parser("sizes", help="print the image's layers")
    sizes.add_argument("--tag", default=DEFAULT_TAG)
    sizes.add_argument("--base", default=DEFAULT_BASE)
    model_tar = commands.add_parser("model-tar", help="pack an archive for SageMaker")
    model_tar.add_argument("--archive", type=Path, default=Path("model_store/rooms.mar"))
    model_tar.add_argument("--out", type=Path, default=Path("build/model.tar.gz"))
    args = parser.parse_args(argv)
    try:
        _run(args)
    except (EngineError, OSError) as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    return 0


def _run(args: argparse.Namespace) -> None:
    if args.command == "build":
        arguments = {"BASE_IMAGE": args.base, **labels(Path())}
        if args.archive:
            arguments["ARCHIVE"] = args.archive
        engine = find_engine()
        print(f"Building {args.tag} with {engine} …", file=sys.stderr)
        run_build(engine, Build(args.tag, arguments, tuple(args.flags), args.push))
    elif args.command == "sizes":
        print(table(measure(find_engine().program, args.tag, args.base)))
    else:
        pack_model(args.archive, args.out)
        print(f"{args.out}: {args.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    sys.exit(main())
