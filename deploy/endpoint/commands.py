# SPDX-License-Identifier: AGPL-3.0-or-later
"""The command ``python -m deploy plan``."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.errors import BadUsage, DeployError

if TYPE_CHECKING:
    import argparse

    from deploy.endpoint.plan import Step

CONFIG = Path(__file__).parents[1] / "endpoint-config.yaml"
WOULD_CHANGE = 3


def add_command(parser: argparse.ArgumentParser) -> None:
    """Declare the command and what runs it."""
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    parser.add_argument("--new", action="store_true", help="ask no account: as if it were empty")
    parser.add_argument(
        "--check", action="store_true", help=f"exit {WOULD_CHANGE} if not up to date"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run_plan)


def run_plan(args: argparse.Namespace) -> int:
    """Print the calls that are left; 0, or 1 failed, 2 bad usage, 3 calls are left (--check)."""
    try:
        steps = _plan(args)
    except BadUsage as err:
        print(f"error: {err}", file=sys.stderr)
        return 2
    except (DeployError, OSError) as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    print(json.dumps([asdict(step) for step in steps], indent=2) if args.json else text(steps))
    return WOULD_CHANGE if steps and args.check else 0


def _plan(args: argparse.Namespace) -> list[Step]:
    from deploy.endpoint.plan import Artifact, Remote, plan  # noqa: PLC0415  # PyYAML
    from deploy.endpoint.reading import read_spec  # noqa: PLC0415
    from deploy.golden import read_golden  # noqa: PLC0415

    spec = read_spec(args.config.read_text("utf-8"), args.changes)
    archive = Path(spec.archive)
    version = read_golden(archive).version
    artifact = Artifact(version, hashlib.sha256(archive.read_bytes()).hexdigest())
    if args.new:
        return plan(spec, artifact, Remote())
    from deploy.aws import AwsAccount  # noqa: PLC0415  # --new needs no boto3
    from deploy.endpoint.remote import read_remote  # noqa: PLC0415

    return plan(spec, artifact, read_remote(AwsAccount(spec.region), spec, artifact))


def text(steps: list[Step]) -> str:
    """A plan for people."""
    if not steps:
        return "Nothing to do: everything is as it is wanted."
    lines = []
    for number, step in enumerate(steps, 1):
        lines.append(f"{number}. {step.service} {step.operation}: {step.why}")
        params = {
            key: asdict(value) if hasattr(value, "__dataclass_fields__") else value
            for key, value in step.params.items()
        }
        lines += [f"     {key}: {json.dumps(value)}" for key, value in params.items()]
    return "\n".join(lines)
