# SPDX-License-Identifier: AGPL-3.0-or-later
"""``python -m deploy invoke --async FILE…``: plans through the queue of an endpoint."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploy.aws.errors import AnswerTimeout, AwsError
from deploy.aws.s3 import put, tidy
from deploy.cli import repeated
from deploy.endpoint.drawing import draw
from deploy.endpoint.invocation import refusal
from deploy.endpoint.queue import AsyncInvocation, send, wait
from deploy.endpoint.served import read_served
from roomdet_client.answers import parse_answer
from roomdet_client.errors import ClientError
from serving.console import DONE, FAILED, WOULD_CHANGE, say, tell
from serving.errors import BadUsage

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from deploy.aws.api import AwsApi, Reply
    from deploy.endpoint.target import Target

# Source: "Asynchronous inference" of the SageMaker developer guide.
MOST_BYTES = 10**9
FOLDER = "async/"  # beside the model's files
_AT_ONCE_S = 0.0  # one look at each


@dataclass(frozen=True, slots=True)
class Sent:
    """A plan in the queue.

    Attributes:
        file: As the operator named it.
        input: Its S3 address.
        invocation: Where its answer will be.
    """

    file: str
    input: str
    invocation: AsyncInvocation

    def places(self) -> dict[str, str]:
        """Where its parts lie, as JSON."""
        return {
            "file": self.file,
            "input": self.input,
            "output": self.invocation.output,
            "failure": self.invocation.failure,
            "inference_id": self.invocation.inference_id,
        }


def run_async(
    args: argparse.Namespace,
    target: Target,
    account: AwsApi,
    options: Mapping[str, float | str],
) -> int:
    """Print what came of each plan, or with --no-wait where it will lie.

    Returns:
        1 if one has no rooms, of --fetch 3 if one has no answer yet.

    Raises:
        AwsError: If AWS refuses a call before all plans are in the queue.
        BadUsage: If a file is empty or too large, or --fetch names no such file.
        NothingServes: If there is no such endpoint.
        OSError: If a file cannot be read.
    """
    for file in args.files:
        check_file(file)
    folder = f"{read_served(account, target.endpoint).folder}{FOLDER}"
    if args.fetch:
        return _show(collect(account, read_sent(args.fetch, target.endpoint, folder), _AT_ONCE_S))
    attributes = ";".join(f"{name}={value}" for name, value in options.items())
    sent = [_send(account, target, file, folder, attributes) for file in args.files]
    if args.no_wait:
        tell(json.dumps([plan.places() for plan in sent], indent=2))
        hint = "`python -m deploy invoke --fetch` takes what was printed here"
        told = f"{len(sent)} plans are in the queue; {hint}, and removes them from {folder}"
        say(repeated(told, args))
        return 0
    results = collect(account, sent, args.timeout_s)
    if args.draw and results[0]["status"] == "success":
        draw(args.files[0].read_bytes(), parse_answer(json.dumps(results[0]["answer"])), args)
    status = _show(results)
    return FAILED if status == WOULD_CHANGE else status


def _show(results: Sequence[Mapping[str, Any]]) -> int:
    """Print results; what the command ends with."""
    tell(json.dumps(results, indent=2))
    good = sum(result["status"] == "success" for result in results)
    say(f"{good} of {len(results)} plans have rooms")
    if any(result["status"] == "pending" for result in results):
        return WOULD_CHANGE
    return DONE if good == len(results) else FAILED


def read_sent(path: Path, endpoint: str, folder: str) -> list[Sent]:
    """What ``--no-wait`` has printed of plans in the queue of an endpoint.

    Args:
        path: The file.
        endpoint: Whose queue.
        folder: S3 address that their inputs begin with; they are removed with the answer.

    Raises:
        BadUsage: If it is no such file.
        OSError: If it cannot be read.
    """
    try:
        entries = json.loads(path.read_text("utf-8"))
        sent = [
            Sent(
                str(entry["file"]),
                str(entry["input"]),
                AsyncInvocation(
                    endpoint,
                    str(entry["output"]),
                    str(entry["failure"]),
                    str(entry["inference_id"]),
                ),
            )
            for entry in entries
        ]
    except (ValueError, KeyError, TypeError) as err:
        raise BadUsage(f"{path} is not what --no-wait prints: {err}") from err
    others = [plan.input for plan in sent if not plan.input.startswith(folder)]
    if others:
        raise BadUsage(f"{path} is of another endpoint: {others[0]} is not in {folder}")
    return sent


def collect(account: AwsApi, sent: Sequence[Sent], timeout_s: float) -> list[dict[str, Any]]:
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


def _send(account: AwsApi, target: Target, file: Path, folder: str, attributes: str) -> Sent:
    # A name of its own: nobody else's request needs the file when this one is through.
    address = f"{folder}{uuid.uuid4().hex}{file.suffix}"
    put(account, address, file.read_bytes())
    invocation = send(
        account,
        target.endpoint,
        address,
        attributes=attributes,
        invocation_timeout_s=target.invocation_timeout_s,
    )
    say(f"{file} is in the queue of {target.endpoint}; its answer will be {invocation.output}")
    return Sent(str(file), address, invocation)


def _result(account: AwsApi, plan: Sent, deadline_s: float) -> dict[str, Any]:
    left_s = max(deadline_s - time.monotonic(), 0)
    try:
        reply = wait(account, plan.invocation, left_s, time.sleep, say)
    except (AnswerTimeout, AwsError) as err:  # it may be in the queue still: its file must stay
        say(f"{plan.file}: {err}")
        return {"status": "pending", "message": str(err), **plan.places()}
    tidy(account, plan.input)
    return {"file": plan.file, "output": plan.invocation.output, **read_result(plan, reply)}


def read_result(plan: Sent, reply: Reply) -> dict[str, Any]:
    """What came of a plan, as JSON: ``status``, and its answer or the error with its code."""
    try:
        if not reply.code:
            answer = parse_answer(reply.body.decode(errors="replace"))
            return {"status": "success", "answer": json.loads(answer.body)}
    except ClientError as err:
        return {"status": "error", "error": "unknown", "message": str(err)}
    error = refusal(plan.invocation.endpoint, reply)
    say(f"{plan.file}: {error}")
    return {
        "status": "error",
        "http_status": error.status or None,
        "error": error.code,
        "message": error.reason,
        "failure": plan.invocation.failure,
    }
