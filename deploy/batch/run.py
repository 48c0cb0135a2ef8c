# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the commands ``batch submit``, ``status`` and ``fetch`` do."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.aws.s3 import folder_of
from deploy.batch.commands import INSTANCE_TYPE
from deploy.batch.files import find_plans
from deploy.batch.place import batch_of, default_name
from deploy.batch.result import as_csv, read_results, read_status
from deploy.batch.submit import Resources, submit
from deploy.cli import repeated, show
from deploy.endpoint.instances import check_instance_type
from deploy.endpoint.served import read_last_good, read_model
from deploy.endpoint.target import open_endpoint
from deploy.errors import NothingServes
from deploy.tables import as_table
from serving.console import WOULD_CHANGE, say, tell
from serving.polling import poll

if TYPE_CHECKING:
    import argparse

    from deploy.aws.api import AwsApi
    from deploy.batch.place import Batch
    from deploy.endpoint.served import Served
    from deploy.endpoint.target import Target

_FIRST_POLL_S, _LAST_POLL_S = 0.5, 15.0


def run_submit(args: argparse.Namespace) -> int:
    """Print what was sent; 1 if batch transform takes none of the files.

    Some that it does not take are lines of the result, and `fetch` ends with 1 for them.
    """
    if args.instance_type:
        check_instance_type("--instance-type", args.instance_type)
    target, account = open_endpoint(args)
    inputs = [name if name.startswith("s3://") else str(Path(name).resolve())
              for name in args.inputs]  # fmt: skip
    served = _served(args, target, account)
    batch = batch_of(target.endpoint, args.name or default_name(inputs), served.folder)
    plans = find_plans(account, inputs)
    instance_type = args.instance_type or served.instance_type or INSTANCE_TYPE
    resources = Resources(
        served.model, instance_type, args.instance_count, args.concurrency, args.max_payload_mb
    )
    done = submit(account, batch, plans, resources, say, again=args.again)
    show(asdict(done), args)
    same = done.sent - done.objects
    if same:
        say(f"{same} of the {done.sent} files have the content of another and share its answer")
    for entry in done.unfit:
        say(f"{entry['file']}: {entry['error']}: {entry['message']}")
    follow = f"`python -m deploy batch status {batch.name}` shows how far it is"
    say(repeated(follow, args) if done.job else "nothing is to be sent")
    return 1 if len(done.unfit) == len(plans) else 0


def run_status(args: argparse.Namespace) -> int:
    """Print how far a batch is, as JSON; 3 while a job runs."""
    batch, account = _open(args)
    found, is_running = dict[str, Any](), False
    for _ in poll(args.timeout_s if args.wait else 0, _FIRST_POLL_S, _LAST_POLL_S):
        found = read_status(account, batch)
        _check_there(batch, found["files"])
        is_running = found["status"] == "in progress"
        if not is_running:
            break
        if args.wait:
            say(f"{found['answered']} of {found['files']} files are answered")
    show(found, args)
    return WOULD_CHANGE if is_running else 0


def run_fetch(args: argparse.Namespace) -> int:
    """Print what came of each file; 1 if one has no rooms to show."""
    batch, account = _open(args)
    results = read_results(account, batch)
    _check_there(batch, len(results))
    text = _formatted(results, args.output)
    if args.out:
        args.out.write_text(text, "utf-8")
    else:
        tell(text, end="")
    rest = [entry for entry in results if entry["status"] != "success"]
    for entry in rest:
        told = f"{entry['error']}: {entry['message']}" if "error" in entry else "no answer yet"
        say(f"{entry['file']}: {told}")
    say(f"{len(results) - len(rest)} of {len(results)} files are answered")
    return 1 if rest else 0


def _formatted(results: list[dict[str, Any]], output: str) -> str:
    if output == "csv":
        return as_csv(results)
    return (as_table(results) if output == "table" else json.dumps(results, indent=2)) + "\n"


def _open(args: argparse.Namespace) -> tuple[Batch, AwsApi]:
    target, account = open_endpoint(args)
    try:
        folder = _served(args, target, account).folder
    except NothingServes:  # a batch outlives the endpoint and its models
        if not target.place:
            raise
        folder = folder_of(target.place)
    return batch_of(target.endpoint, args.name, folder), account


def _served(args: argparse.Namespace, target: Target, account: AwsApi) -> Served:
    if args.model:
        return read_model(account, args.model)
    return read_last_good(account, target.endpoint)


def _check_there(batch: Batch, files: int) -> None:
    if not files:
        raise NothingServes(f"there is no batch {batch.name} in {batch.folder}")
