# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the command ``bootstrap`` does."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from deploy.account.bootstrap import bootstrap, notes, read_found
from deploy.account.deployer import bootstrap_policy, deployer_policy
from deploy.account.places import Account, Names, check_names
from deploy.account.reading import read_account
from deploy.account.template import as_yaml
from deploy.aws import open_account
from deploy.cli import confirm, parse_endpoint_url
from deploy.endpoint.actions import as_document, as_text
from deploy.endpoint.execution import Executor
from serving.console import say

if TYPE_CHECKING:
    import argparse

    from deploy.endpoint.actions import ApiCall


def run_bootstrap(args: argparse.Namespace) -> int:
    """Make what an account needs."""
    check_names(args.name, (*args.plans, *args.outputs))
    if args.document == "template":
        print(as_yaml(), end="")
        return 0
    aws = open_account(args.region, parse_endpoint_url(args.endpoint_url))
    names = _names(args, read_account(aws, aws.region))
    if args.document:
        print(json.dumps(_policy(args.document, names), indent=2))
        return 0
    found = read_found(aws, names)
    steps = bootstrap(names, found)
    for note in notes(names, found):
        say(f"note: {note}")
    if steps:
        confirm(args, _as_json(steps) if args.output == "json" else as_text(steps))
    Executor(aws, None, say).run(steps)
    print(json.dumps(_outcome(names, steps), indent=2))
    return 0


def _names(args: argparse.Namespace, account: Account) -> Names:
    variables = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    given = (os.environ.get(name) for name in variables)
    address = args.endpoint_url or next(filter(None, given), "https://")
    with_tls = not address.startswith("http://")
    return Names(account, args.name, tuple(args.plans), tuple(args.outputs), with_tls)


def _policy(document: str, names: Names) -> dict[str, Any]:
    if document == "deployer-policy":
        return deployer_policy(names.places(), names.plans, names.outputs)
    return bootstrap_policy(names.places(), names.role)


def _as_json(steps: list[ApiCall]) -> str:
    return json.dumps([as_document(step) for step in steps], indent=2)


def _outcome(names: Names, steps: list[ApiCall]) -> dict[str, Any]:
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
