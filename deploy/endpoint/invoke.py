# SPDX-License-Identifier: AGPL-3.0-or-later
"""The command ``python -m deploy invoke FILE``: the rooms of a plan, from the endpoint."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from deploy.endpoint import by_reference
from deploy.endpoint.async_invoke import run_async
from deploy.endpoint.drawing import draw
from deploy.endpoint.invocation import answer_of, ask_again, invoke
from deploy.endpoint.options import REQUEST_OPTIONS
from deploy.endpoint.spec import Mode
from deploy.endpoint.target import open_endpoint
from serving.console import say, tell
from serving.errors import BadUsage

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from deploy.aws.api import AwsApi
    from deploy.endpoint.target import Target
    from roomdet_client.answers import Detection

# Source: botocore 1.44's BodyBlob, and "Serverless Inference" of the developer guide (4 MB).
MOST_BYTES = {Mode.REALTIME: 6_291_456, Mode.SERVERLESS: 4 * 2**20}


def run_invoke(args: argparse.Namespace) -> int:
    options = {
        name: value for name in REQUEST_OPTIONS if (value := getattr(args, name, None)) is not None
    }
    _check(args)
    target, account = open_endpoint(args)
    if target.mode is Mode.ASYNC:
        return run_async(args, target, account, options)
    data = _one_file(args, target.mode).read_bytes()
    answer = _ask(account, target, data, options)
    tell(answer.body)
    if args.draw:
        draw(data, answer, args)
    say(f"{len(answer.rooms)} rooms, in {answer.processing_time_ms} ms of the container")
    return 0


def _check(args: argparse.Namespace) -> None:
    """Refuse words that do not go together."""
    if bool(args.files) == bool(args.fetch):
        raise BadUsage("name plans, or with --fetch what --no-wait has printed of others")
    if args.draw and (len(args.files) != 1 or args.no_wait):
        raise BadUsage("--draw is for one plan, whose answer is waited for")


def _one_file(args: argparse.Namespace, mode: Mode) -> Path:
    if args.is_async or args.no_wait or args.fetch:
        raise BadUsage(
            f"mode is {mode}: its requests are answered at once; --async, --no-wait and --fetch "
            "are for mode async"
        )
    if len(args.files) > 1:
        raise BadUsage(
            f"{len(args.files)} files are given; mode {mode} takes one at a time, mode async "
            "several, `python -m deploy batch submit` whole folders"
        )
    file: Path = args.files[0]
    return file


def _ask(
    account: AwsApi, target: Target, data: bytes, options: dict[str, float | str]
) -> Detection:
    """The rooms of a plan; one too large to be sent is named, if the endpoint takes that."""
    if not data:
        raise BadUsage("the file is empty")
    if len(data) <= MOST_BYTES[target.mode]:
        return invoke(account, target.endpoint, data, options)
    place, how = by_reference.place_for(account, target.endpoint)
    if not place:
        raise BadUsage(f"{_too_large(len(data), target.mode)}; {how}")
    say(f"The file has {len(data):,} bytes; it is put under {place} and named instead of sent")
    with by_reference.stored(account, place, data, options) as request:
        send = partial(account.invoke, target.endpoint, request, by_reference.JSON)
        return answer_of(target.endpoint, ask_again(send))


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
