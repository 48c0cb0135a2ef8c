# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands ``python -m deploy batch submit``, ``status`` and ``fetch``."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.aws.s3 import folder_of
from deploy.console import guarded, say
from deploy.endpoint.commands import WOULD_CHANGE
from deploy.endpoint.instances import check_instance_type
from deploy.endpoint.target import add_target_options, open_endpoint
from deploy.errors import NothingServes

if TYPE_CHECKING:
    import argparse

    from deploy.aws.api import AwsApi
    from deploy.batch.place import Batch
    from deploy.endpoint.served import Served
    from deploy.endpoint.target import Target

# Where the endpoint has no instances of its own to go by.
_INSTANCE_TYPE = "ml.c6i.large"
_FIRST_POLL_S, _LAST_POLL_S, _POLL_GROWTH = 0.5, 15.0, 1.2


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Declare the commands and what runs them."""
    areas = parser.add_subparsers(dest="command", required=True)
    send = areas.add_parser("submit", help="send what has no answer yet; goes on after a kill")
    send.add_argument("inputs", nargs="+", metavar="INPUT", help="file, folder or s3://… prefix")
    send.add_argument("--name", help="of the batch; default: made of the first INPUT's")
    send.add_argument("--model", help="of SageMaker; default: what the endpoint has proved")
    send.add_argument("--instance-type", help=f"default: the endpoint's, else {_INSTANCE_TYPE}")
    send.add_argument("--instance-count", type=_count, default=1, help="default: 1")
    send.add_argument("--concurrency", type=_count, help="at once on each; default: as it says")
    send.add_argument("--max-payload-mb", type=_count, help="default: as the container says")
    send.add_argument("--again", action="store_true", help="also what the container has refused")
    add_target_options(send)
    send.set_defaults(run=guarded(run_submit))
    state = areas.add_parser("status", help="how far a batch is; exit 3 while a job runs")
    _add_which(state)
    state.add_argument("--wait", action="store_true", help="until no job runs")
    state.add_argument("--timeout-s", type=float, default=3600.0, help="of the wait")
    state.set_defaults(run=guarded(run_status))
    take = areas.add_parser("fetch", help="a table of all files; exit 1 unless each has rooms")
    _add_which(take)
    take.add_argument("--format", choices=("json", "csv"), default="json", help="json has boxes")
    take.add_argument("--out", type=Path, help="a file in the place of stdout")
    take.set_defaults(run=guarded(run_fetch))


def _add_which(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="of the batch, as `submit` printed it")
    parser.add_argument("--model", help="as for `submit`")
    add_target_options(parser)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def run_submit(args: argparse.Namespace) -> int:
    """Print what was sent, as JSON; 1 if batch transform does not take one of the files."""
    from deploy.batch.files import find_plans  # noqa: PLC0415  # boto3
    from deploy.batch.place import batch_of, default_name  # noqa: PLC0415
    from deploy.batch.submit import Resources, submit  # noqa: PLC0415

    if args.instance_type:
        check_instance_type("--instance-type", args.instance_type)
    target, account = open_endpoint(args)
    inputs = [name if name.startswith("s3://") else str(Path(name).resolve())
              for name in args.inputs]  # fmt: skip
    served = _served(args, target, account)
    batch = batch_of(target.endpoint, args.name or default_name(inputs), served.folder)
    plans = find_plans(account, inputs)
    instance_type = args.instance_type or served.instance_type or _INSTANCE_TYPE
    resources = Resources(
        served.model, instance_type, args.instance_count, args.concurrency, args.max_payload_mb
    )
    done = submit(account, batch, plans, resources, say, again=args.again)
    print(json.dumps(asdict(done), indent=2))
    for entry in done.unfit:
        say(f"{entry['file']}: {entry['error']}: {entry['message']}")
    say(f"`python -m deploy batch status {batch.name}` shows how far it is" if done.job else
         "nothing is to be sent")  # fmt: skip
    return 1 if done.unfit else 0


def run_status(args: argparse.Namespace) -> int:
    """Print how far a batch is, as JSON; 3 while a job runs."""
    from deploy.batch.result import read_status  # noqa: PLC0415

    batch, account = _open(args)
    deadline_s = time.monotonic() + (args.timeout_s if args.wait else 0)
    pause_s = _FIRST_POLL_S
    while True:
        found = read_status(account, batch)
        _check_there(batch, found["files"])
        is_running = found["status"] == "in progress"
        if not is_running or time.monotonic() >= deadline_s:
            break
        say(f"{found['answered']} of {found['files']} files are answered")
        time.sleep(pause_s)
        pause_s = min(pause_s * _POLL_GROWTH, _LAST_POLL_S)
    print(json.dumps(found, indent=2))
    return WOULD_CHANGE if is_running else 0


def run_fetch(args: argparse.Namespace) -> int:
    """Print what came of each file; 1 if one has no rooms to show."""
    from deploy.batch.result import as_csv, read_results  # noqa: PLC0415

    batch, account = _open(args)
    results = read_results(account, batch)
    _check_there(batch, len(results))
    text = as_csv(results) if args.format == "csv" else json.dumps(results, indent=2) + "\n"
    if args.out:
        args.out.write_text(text, "utf-8")
    else:
        print(text, end="")
    rest = [entry for entry in results if entry["status"] != "success"]
    for entry in rest:
        told = f"{entry['error']}: {entry['message']}" if "error" in entry else "no answer yet"
        say(f"{entry['file']}: {told}")
    say(f"{len(results) - len(rest)} of {len(results)} files are answered")
    return 1 if rest else 0


def _open(args: argparse.Namespace) -> tuple[Batch, AwsApi]:
    from deploy.batch.place import batch_of  # noqa: PLC0415

    target, account = open_endpoint(args)
    try:
        folder = _served(args, target, account).folder
    except NothingServes:  # a batch outlives the endpoint and its models
        if not target.place:
            raise
        folder = folder_of(target.place)
    return batch_of(target.endpoint, args.name, folder), account


def _served(args: argparse.Namespace, target: Target, account: AwsApi) -> Served:
    from deploy.endpoint.served import read_model, read_proved  # noqa: PLC0415

    if args.model:
        return read_model(account, args.model)
    return read_proved(account, target.endpoint)


def _check_there(batch: Batch, files: int) -> None:
    if not files:
        raise NothingServes(f"there is no batch {batch.name} in {batch.folder}")
