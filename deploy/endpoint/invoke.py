# SPDX-License-Identifier: AGPL-3.0-or-later
"""The command ``python -m deploy invoke FILE``: the rooms of a plan, from the endpoint."""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from deploy.advice import next_step
from deploy.aws_codes import THROTTLED
from deploy.console import guarded, say
from deploy.endpoint.spec import Mode
from deploy.endpoint.target import add_target_options, open_endpoint
from deploy.errors import BadUsage, InvocationFailed
from roomdet_client.answers import parse_answer, parse_refusal
from roomdet_client.errors import ClientError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from deploy.aws import AwsAccount, Reply
    from deploy.endpoint.target import Target
    from roomdet_client.answers import Detection

# Source: botocore 1.44's BodyBlob, and "Serverless Inference" of the developer guide (4 MB).
MOST_BYTES = {Mode.REALTIME: 6_291_456, Mode.SERVERLESS: 4 * 2**20}
# Together a minute and a half: a serverless container that is started now takes less.
PAUSES_S = (2.0, 4.0, 8.0, 16.0, 30.0, 30.0)
OPTIONS = {"confidence": float, "iou": float, "max_rooms": int, "page": int, "detail": str}
_TRIED_AGAIN = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_OCTETS = "application/octet-stream"
_LOGS = "`python -m deploy logs --errors` shows what the container says of it."
_TOO_MANY = (
    "There are more requests at once than the endpoint has containers for: send fewer, or raise "
    "serverless.max_concurrency (realtime: the number of instances)."
)


class Invoker(Protocol):
    """Invokes endpoints; :class:`deploy.aws.AwsAccount` does."""

    def invoke(
        self, endpoint: str, body: bytes, content_type: str = _OCTETS, attributes: str = ""
    ) -> Reply:
        """Invoke an endpoint once."""
        ...


def add_command(parser: argparse.ArgumentParser) -> None:
    """Declare the command and what runs it."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="picture or PDF")
    parser.add_argument("--async", action="store_true", dest="is_async", help="through the queue "
                        "of an endpoint of mode async, which does so by itself")  # fmt: skip
    parser.add_argument("--no-wait", action="store_true", help="say where answers will be, and end")
    parser.add_argument("--timeout-s", type=float, default=1800.0, help="for all answers together")
    for name, kind in OPTIONS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help="see docs/api.md")
    add_target_options(parser)
    parser.set_defaults(run=guarded(run_invoke))


def run_invoke(args: argparse.Namespace) -> int:
    """Print the answer."""
    options = {name: value for name in OPTIONS if (value := getattr(args, name, None)) is not None}
    target, account = open_endpoint(args)
    if target.mode is Mode.ASYNC:
        from deploy.endpoint.async_invoke import run_async  # noqa: PLC0415

        return run_async(args, target, account, options)
    answer = _ask(account, target, _one_file(args, target.mode).read_bytes(), options)
    print(answer.body)
    say(f"{len(answer.rooms)} rooms, in {answer.processing_time_ms} ms of the container")
    return 0


def _one_file(args: argparse.Namespace, mode: Mode) -> Path:
    if args.is_async or args.no_wait:
        raise BadUsage(
            f"mode is {mode}: its requests are answered at once; --async and --no-wait are for "
            "mode async"
        )
    if len(args.files) > 1:
        raise BadUsage(
            f"{len(args.files)} files are given; mode {mode} takes one at a time, mode async "
            "several, `python -m deploy batch submit` whole folders"
        )
    file: Path = args.files[0]
    return file


def _ask(
    account: AwsAccount, target: Target, data: bytes, options: dict[str, float | str]
) -> Detection:
    """The rooms of a plan; one too large to be sent is named, if the endpoint takes that."""
    if not data:
        raise BadUsage("the file is empty")
    if len(data) <= MOST_BYTES[target.mode]:
        return invoke(account, target.endpoint, data, options)
    from deploy.endpoint import by_reference  # noqa: PLC0415

    place, how = by_reference.place_for(account, target.endpoint)
    if not place:
        raise BadUsage(f"{_too_large(len(data), target.mode)}; {how}")
    say(f"The file has {len(data):,} bytes; it is put under {place} and named instead of sent")
    with by_reference.stored(account, place, data, options) as request:
        return invoke(by_reference.AsJson(account), target.endpoint, request, {})


def _too_large(size_bytes: int, mode: Mode) -> str:
    most = MOST_BYTES[mode]
    other = MOST_BYTES[Mode.REALTIME]
    instead = (
        f"; a real-time endpoint takes {other:,}"
        if mode is Mode.SERVERLESS and size_bytes <= other
        else ""
    )
    return (
        f"the file has {size_bytes:,} bytes; SageMaker takes {most:,} in mode {mode}{instead}. "
        "Save a picture as JPEG, as PNG with fewer colors, or with fewer pixels; of a PDF, send "
        "the page alone"
    )


def invoke(
    account: Invoker,
    endpoint: str,
    data: bytes,
    options: Mapping[str, float | str],
    *,
    pauses_s: Sequence[float] = PAUSES_S,
    sleep: Callable[[float], None] = time.sleep,
) -> Detection:
    """The rooms of a plan; whatever is not ready or throttled is asked again.

    Args:
        account: Whom to ask.
        endpoint: Its name.
        data: A picture or PDF.
        options: ``confidence``, ``iou``, ``max_rooms``, ``page``, ``detail``.
        pauses_s: Before each further try.
        sleep: Waits so many seconds.

    Raises:
        AwsError: If credentials are refused, or the endpoint is not there.
        InvocationFailed: If the answer is an error, or none came.
    """
    attributes = ";".join(f"{name}={value}" for name, value in options.items())
    reply = account.invoke(endpoint, data, _OCTETS, attributes)
    for pause_s in pauses_s:
        if reply.status not in _TRIED_AGAIN and reply.code not in THROTTLED:
            break
        say(f"{_short(reply)}; trying again in {pause_s:.0f} s …")
        sleep(pause_s)
        reply = account.invoke(endpoint, data, _OCTETS, attributes)
    if reply.failure or not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        raise refusal(endpoint, reply)
    try:
        return parse_answer(reply.body.decode(errors="replace"))
    except ClientError as err:
        why = str(err)
        raise InvocationFailed(endpoint, reply.status, "", why, advice=_LOGS) from err


def refusal(endpoint: str, reply: Reply) -> InvocationFailed:
    """What an endpoint that gave no rooms said: its container's own error, or SageMaker's."""
    code = reply.code
    if reply.failure:
        reason = reply.body.decode(errors="replace")
        if not reason:
            reason = "AWS gives no reason" if reply.status else reply.failure
        is_throttled = code in THROTTLED
        advice = _TOO_MANY if is_throttled else next_step("InvokeEndpoint", code, reason)
    else:
        said, details = parse_refusal(reply.status, reply.body), _details(reply.body)
        code = said.code
        reason = f"{said.message} {json.dumps(details)}" if details else said.message
        advice = _LOGS if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR else ""
    return InvocationFailed(
        endpoint, reply.status, code, reason, advice=advice, request_id=reply.request_id
    )


def _details(body: bytes) -> dict[str, Any]:
    """What the container adds for programs (docs/api.md), such as the id of a request."""
    try:
        details = json.loads(body)["details"]
    except (ValueError, KeyError, TypeError):
        return {}
    return details if isinstance(details, dict) else {}


def _short(reply: Reply) -> str:
    return f"The endpoint answers {reply.status} {reply.code or 'of its container'}".rstrip()
