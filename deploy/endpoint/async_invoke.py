# SPDX-License-Identifier: AGPL-3.0-or-later
"""``python -m deploy invoke --async FILE…``: plans through the queue of an endpoint."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploy.console import say
from deploy.endpoint.invoke import refusal
from deploy.endpoint.queue import put, send, tidy, wait
from deploy.endpoint.served import read_served
from deploy.errors import AnswerTimeout, AwsError, BadUsage
from roomdet_client.answers import parse_answer
from roomdet_client.errors import ClientError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from deploy.aws import AwsAccount, Reply
    from deploy.endpoint.queue import Account, Ticket
    from deploy.endpoint.target import Target

# Source: "Asynchronous inference" of the SageMaker developer guide.
MOST_BYTES = 10**9
FOLDER = "async/"  # beside the model's files


@dataclass(frozen=True, slots=True)
class Sent:
    """A plan in the queue.

    Attributes:
        file: As the operator named it.
        input: Its S3 address.
        ticket: Where its answer will be.
    """

    file: str
    input: str
    ticket: Ticket

    def places(self) -> dict[str, str]:
        """Where its parts lie, as JSON."""
        return {
            "file": self.file,
            "input": self.input,
            "output": self.ticket.output,
            "failure": self.ticket.failure,
            "inference_id": self.ticket.inference_id,
        }


def run_async(
    args: argparse.Namespace,
    target: Target,
    account: AwsAccount,
    options: Mapping[str, float | str],
) -> int:
    """Print what came of each plan, or with --no-wait where it will lie; 1 if one has no rooms.

    Raises:
        AwsError: If AWS refuses a call before all plans are in the queue.
        BadUsage: If a file is empty or too large.
        NothingServes: If there is no such endpoint.
        OSError: If a file cannot be read.
    """
    for file in args.files:
        check_file(file)
    folder = f"{read_served(account, target.endpoint).folder}{FOLDER}"
    attributes = ";".join(f"{name}={value}" for name, value in options.items())
    sent = [_send(account, target, file, folder, attributes) for file in args.files]
    if args.no_wait:
        print(json.dumps([plan.places() for plan in sent], indent=2))
        say(f"{len(sent)} plans are in the queue; nobody removes them from {folder}")
        return 0
    results = collect(account, sent, args.timeout_s)
    print(json.dumps(results, indent=2))
    good = sum(result["status"] == "success" for result in results)
    say(f"{good} of {len(results)} plans have rooms")
    return 0 if good == len(results) else 1


def collect(account: Account, sent: Sequence[Sent], timeout_s: float) -> list[dict[str, Any]]:
    """What came of plans in the queue, as JSON, in their order.

    One that is not answered in time, or whose answer S3 refuses, is told as ``pending`` and does
    not lose the others.

    Args:
        account: Whom to ask.
        sent: The plans.
        timeout_s: For all answers together.
    """
    deadline_s = time.monotonic() + timeout_s
    return [_result(account, plan, deadline_s) for plan in sent]


def check_file(file: Path) -> None:
    """Refuse what SageMaker would not hand on.

    Raises:
        BadUsage: If it is empty or too large.
        OSError: If it is not there.
    """
    size = file.stat().st_size
    if not size:
        raise BadUsage(f"{file} is empty")
    if size > MOST_BYTES:
        raise BadUsage(f"{file} has {size:,} bytes; SageMaker takes {MOST_BYTES:,} in mode async")


def _send(account: AwsAccount, target: Target, file: Path, folder: str, attributes: str) -> Sent:
    # A name of its own: nobody else's request needs the file when this one is through.
    address = f"{folder}{uuid.uuid4().hex}{file.suffix}"
    put(account, address, file.read_bytes())
    ticket = send(
        account,
        target.endpoint,
        address,
        attributes=attributes,
        invocation_timeout_s=target.invocation_timeout_s,
    )
    say(f"{file} is in the queue of {target.endpoint}; its answer will be {ticket.output}")
    return Sent(str(file), address, ticket)


def _result(account: Account, plan: Sent, deadline_s: float) -> dict[str, Any]:
    left_s = max(deadline_s - time.monotonic(), 0)
    try:
        reply = wait(account, plan.ticket, left_s, time.sleep, say)
    except (AnswerTimeout, AwsError) as err:  # it may be in the queue still: its file must stay
        say(f"{plan.file}: {err}")
        return {"status": "pending", "message": str(err), **plan.places()}
    tidy(account, plan.input)
    return {"file": plan.file, "output": plan.ticket.output, **read_result(plan, reply)}


def read_result(plan: Sent, reply: Reply) -> dict[str, Any]:
    """What came of a plan, as JSON: ``status``, and its answer or the error with its code."""
    try:
        if not reply.code:
            answer = parse_answer(reply.body.decode(errors="replace"))
            return {"status": "success", "answer": json.loads(answer.body)}
    except ClientError as err:
        return {"status": "error", "error": "unknown", "message": str(err)}
    error = refusal(plan.ticket.endpoint, reply)
    say(f"{plan.file}: {error}")
    return {
        "status": "error",
        "http_status": error.status or None,
        "error": error.code,
        "message": error.reason,
        "failure": plan.ticket.failure,
    }
