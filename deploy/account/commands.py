# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands ``bootstrap`` and ``doctor``."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from deploy.account.places import NAME, Account, Names, check_names
from deploy.aws import open_account
from deploy.console import guarded, say
from deploy.endpoint.commands import WOULD_CHANGE, as_document
from deploy.endpoint.target import add_target_options, parse_endpoint_url

if TYPE_CHECKING:
    import argparse

    from deploy.endpoint.actions import Step

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
    parser.set_defaults(run=guarded(run_bootstrap))


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """Declare `doctor` and what runs it."""
    add_target_options(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=guarded(run_doctor))


def run_bootstrap(args: argparse.Namespace) -> int:
    """Make what an account needs; without --yes say what that would be, and exit 3."""
    check_names(args.name, (*args.plans, *args.outputs))
    if args.document == "template":
        from deploy.account.template import as_yaml  # noqa: PLC0415  # PyYAML

        print(as_yaml(), end="")
        return 0
    from deploy.account.bootstrap import bootstrap, notes, read_found  # noqa: PLC0415
    from deploy.account.reading import read_account  # noqa: PLC0415
    from deploy.endpoint.actions import as_text  # noqa: PLC0415
    from deploy.endpoint.execution import Executor  # noqa: PLC0415

    aws = open_account(args.region, parse_endpoint_url(args.endpoint_url))
    names = _names(args, read_account(aws, aws.region))
    if args.document:
        print(json.dumps(_policy(args.document, names), indent=2))
        return 0
    found = read_found(aws, names)
    steps = bootstrap(names, found)
    for note in notes(names, found):
        say(f"note: {note}")
    if steps and not args.yes:
        print(_as_json(steps) if args.json else as_text([*steps]))
        say("Nothing was changed; --yes does it.")
        return WOULD_CHANGE
    Executor(aws, None, say).run(steps)
    print(json.dumps(_outcome(names, steps), indent=2))
    return 0


def run_doctor(args: argparse.Namespace) -> int:
    """Print what is wrong and what to do about it; 0 if nothing fails."""
    from deploy.account.diagnosis import Level  # noqa: PLC0415
    from deploy.account.patient import open_patient  # noqa: PLC0415
    from deploy.account.table import examine  # noqa: PLC0415

    findings = examine(open_patient(args.config, args.changes, args.endpoint_url))
    if args.json:
        print(json.dumps([finding.as_document() for finding in findings], indent=2))
    else:
        print("\n".join(map(str, findings)))
    return 1 if any(finding.level is Level.FAILURE for finding in findings) else 0


def _names(args: argparse.Namespace, account: Account) -> Names:
    variables = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    given = (os.environ.get(name) for name in variables)
    address = args.endpoint_url or next(filter(None, given), "https://")
    with_tls = not address.startswith("http://")
    return Names(account, args.name, tuple(args.plans), tuple(args.outputs), with_tls)


def _policy(document: str, names: Names) -> dict[str, Any]:
    from deploy.account.deployer import bootstrap_policy, deployer_policy  # noqa: PLC0415

    if document == "deployer-policy":
        return deployer_policy(names.places(), names.plans, names.outputs)
    return bootstrap_policy(names.places(), names.role)


def _as_json(steps: list[Step]) -> str:
    return json.dumps([as_document(step) for step in steps], indent=2)


def _outcome(names: Names, steps: list[Step]) -> dict[str, Any]:
    """What was done, and what goes into the endpoint's configuration."""
    values = {
        "endpoint": names.name,
        "artifacts": names.artifacts,
        "role": names.role_arn,
        "region": names.account.region,
    }
    repository = names.repository_address
    say("\n# For deploy/endpoint-config.yaml; then push an image, and name it:")
    say("\n".join(f"{key}: {value}" for key, value in values.items()))
    say(f"image: {repository}:TAG   # python -m deploy image build --push --tag {repository}:TAG")
    return {
        "calls": [str(step) for step in steps],
        "set": [f"{key}={value}" for key, value in values.items()],
        "image_repository": repository,
    }
