# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the command ``bootstrap`` does."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from deploy.account.bootstrap import bootstrap, notes, read_found
from deploy.account.deployer import bootstrap_policy, deployer_policy
from deploy.account.places import Names, beside, check_names
from deploy.account.reading import read_account
from deploy.account.template import as_yaml
from deploy.aws import open_account
from deploy.cli import OWN_CONFIG, confirm, parse_endpoint_url, repeated, show
from deploy.endpoint.actions import as_document, as_text
from deploy.endpoint.execution import Executor
from deploy.endpoint.reading import value_of
from deploy.endpoint.target import read_partial
from deploy.endpoint.writing import with_values
from deploy.errors import SpecError
from serving.console import say, tell
from serving.errors import BadUsage

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path

    from deploy.endpoint.spec import Spec


def run_bootstrap(args: argparse.Namespace) -> int:
    """Make what an account needs."""
    text = args.config.read_text("utf-8")
    written = _text_of(args.write, text) if args.write else ""
    named = [f"endpoint={args.name}"] if args.name else []
    spec, _ = read_partial(text, [*args.changes, *named])
    plans, outputs = _addresses(args, spec)
    check_names(spec.endpoint, (*plans, *outputs))
    if args.document == "template":
        tell(as_yaml(plans, outputs), end="")
        return 0
    aws = open_account(spec.region, parse_endpoint_url(args.endpoint_url))
    account = read_account(aws, aws.region)
    names = Names(account, spec.endpoint, plans, outputs, _with_tls(args))
    if args.document:
        tell(json.dumps(_policy(args.document, names), indent=2))
        return 0
    values = {
        "endpoint": names.name,
        "artifacts": names.artifacts,
        "role": names.role_arn,
        "region": names.account.region,
    }
    # Before anything is made, so that all that is made can be written down.
    written = _written(args, written, values, names.repository_address) if args.write else ""
    found = read_found(aws, names)
    steps = bootstrap(names, found, is_pruned=args.prune)
    for note in notes(names, found, is_pruned=args.prune):
        say(f"note: {note}")
    if steps:
        confirm(args, as_text(steps), [as_document(step) for step in steps])
    Executor(aws, None, say).run(steps)
    _hand_on(args, written, values, names.repository_address)
    outcome = {
        "calls": [str(step) for step in steps],
        "set": [f"{key}={value}" for key, value in values.items()],
        "image_repository": names.repository_address,
    }
    table = {**values, "image_repository": names.repository_address, "calls": len(steps)}
    show(table if args.output == "table" else outcome, args)
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


def _written(
    args: argparse.Namespace, text: str, values: Mapping[str, str], repository: str
) -> str:
    """A configuration with what will be made where it has no such value.

    Args:
        args: Of the command.
        text: What it is.
        values: By key.
        repository: Of the image.

    Raises:
        BadUsage: If its text cannot be written to.
    """
    chosen = {"endpoint"} if args.name else set()
    missing = {}
    for key, value in values.items():
        known = value_of(text, (), key)
        if known is None or key in chosen:
            missing[key] = value
        elif known != value:
            say(f"note: {key} is {known} in the configuration and stays; `bootstrap` makes {value}")
    if not value_of(text, (), "image"):
        missing["image"] = repository
    try:
        return with_values(text, missing)
    except SpecError as err:
        raise BadUsage(f"--write {args.write}: {err}") from err


def _text_of(path: Path, first: str) -> str:
    """What is in the file of --write; one that is not there begins as another.

    Raises:
        BadUsage: If it is no file, or has no folder.
    """
    if not path.parent.is_dir():
        raise BadUsage(f"--write {path}: there is no folder {path.parent}")
    if not path.exists():
        return first
    if not path.is_file():
        raise BadUsage(f"--write {path}: it is no file")
    return path.read_text("utf-8")


def _hand_on(
    args: argparse.Namespace, written: str, values: Mapping[str, str], repository: str
) -> None:
    """Put what was made into a configuration, or say what goes there."""
    if args.write is None:
        say(repeated(f"\n# For the configuration; --write {OWN_CONFIG} puts them there:", args))
        say("\n".join(f"{key}: {value}" for key, value in values.items()))
        hint = "`python -m deploy image push` writes its digest"
        say(repeated(f"image: {repository}:TAG   # {hint}", args))
        return
    args.write.write_text(written, "utf-8")
    args.own_config = None if args.write == OWN_CONFIG else args.write
    say(repeated(f"Wrote {args.write}. Next: `python -m deploy image push`", args))


def _policy(document: str, names: Names) -> dict[str, Any]:
    if document == "deployer-policy":
        return deployer_policy(names.places(), names.plans, names.outputs)
    return bootstrap_policy(names.places(), names.role)
