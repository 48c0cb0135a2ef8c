# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the command ``bootstrap`` does."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import yaml

from deploy.account.bootstrap import bootstrap, notes, read_found
from deploy.account.deployer import bootstrap_policy, deployer_policy
from deploy.account.places import Names, beside, check_names
from deploy.account.reading import read_account
from deploy.account.template import as_yaml
from deploy.aws import open_account
from deploy.cli import OWN_CONFIG, confirm, parse_endpoint_url
from deploy.endpoint.actions import as_document, as_text
from deploy.endpoint.execution import Executor
from deploy.endpoint.target import read_partial
from deploy.endpoint.writing import with_values
from serving.console import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from deploy.endpoint.actions import ApiCall
    from deploy.endpoint.spec import Spec


def run_bootstrap(args: argparse.Namespace) -> int:
    """Make what an account needs."""
    text = args.config.read_text("utf-8")
    named = [f"endpoint={args.name}"] if args.name else []
    spec, _ = read_partial(text, [*args.changes, *named])
    plans, outputs = _addresses(args, spec)
    check_names(spec.endpoint, (*plans, *outputs))
    if args.document == "template":
        print(as_yaml(plans, outputs), end="")
        return 0
    aws = open_account(spec.region, parse_endpoint_url(args.endpoint_url))
    account = read_account(aws, aws.region)
    names = Names(account, spec.endpoint, plans, outputs, _with_tls(args))
    if args.document:
        print(json.dumps(_policy(args.document, names), indent=2))
        return 0
    found = read_found(aws, names)
    steps = bootstrap(names, found, is_pruned=args.prune)
    for note in notes(names, found, is_pruned=args.prune):
        say(f"note: {note}")
    if steps:
        confirm(args, _as_json(steps) if args.output == "json" else as_text(steps))
    Executor(aws, None, say).run(steps)
    values = {
        "endpoint": names.name,
        "artifacts": names.artifacts,
        "role": names.role_arn,
        "region": names.account.region,
    }
    _hand_on(args, text, values, names.repository_address)
    outcome = {
        "calls": [str(step) for step in steps],
        "set": [f"{key}={value}" for key, value in values.items()],
        "image_repository": names.repository_address,
    }
    print(json.dumps(outcome, indent=2))
    return 0


def _addresses(args: argparse.Namespace, spec: Spec) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the role may read and write beside models, as the configuration and the options say."""
    plans, outputs = (
        tuple(dict.fromkeys(address.rstrip("/") for address in (*found, *more)))
        for found, more in zip(beside(spec), (args.plans, args.outputs), strict=True)
    )
    return plans, outputs


def _with_tls(args: argparse.Namespace) -> bool:
    variables = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    given = (os.environ.get(name) for name in variables)
    address = args.endpoint_url or next(filter(None, given), "https://")
    return not address.startswith("http://")


def _hand_on(
    args: argparse.Namespace, text: str, values: Mapping[str, str], repository: str
) -> None:
    """Put what was made into a configuration, or say what goes there."""
    known = yaml.safe_load(text) or {}
    if args.write is None:
        say(f"\n# For the configuration; --write {OWN_CONFIG} puts them there:")
        say("\n".join(f"{key}: {value}" for key, value in values.items()))
        say(f"image: {repository}:TAG   # `python -m deploy image push` writes its digest")
        return
    image = {} if known.get("image") else {"image": repository}
    chosen = {"endpoint"} if args.name else set()
    missing = {
        key: value
        for key, value in {**values, **image}.items()
        if known.get(key) is None or key in chosen
    }
    for key, value in values.items():
        if key not in missing and known[key] != value:
            say(f"note: {key} is {known[key]} in the configuration and stays; made was {value}")
    args.write.write_text(with_values(text, missing), "utf-8")
    where = "" if args.write == OWN_CONFIG else f" --config {args.write}"
    say(f"Wrote {args.write}. Next: `python -m deploy image push{where}`")


def _policy(document: str, names: Names) -> dict[str, Any]:
    if document == "deployer-policy":
        return deployer_policy(names.places(), names.plans, names.outputs)
    return bootstrap_policy(names.places(), names.role)


def _as_json(steps: list[ApiCall]) -> str:
    return json.dumps([as_document(step) for step in steps], indent=2)
