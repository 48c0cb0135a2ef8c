# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether an endpoint answers as its archive demands: rooms of the golden plan, and a refusal."""

from __future__ import annotations

import json
import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.aws_codes import THROTTLED
from deploy.endpoint.release import split_address
from deploy.errors import ArchiveError, WrongAnswer
from deploy.golden import judge_answer, read_golden
from deploy.image.model_tar import unpack_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.aws import Reply
    from deploy.endpoint.execution import Gateway
    from deploy.endpoint.remote import Version
    from deploy.golden import Golden

_NO_PLAN = b"no plan"
# What passes by itself: a container that starts, a capacity that is full; and no answer at all.
_BUSY = {0, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_TRIES = 12
_PAUSE_S = 5.0


def prove(gateway: Gateway, endpoint: str, golden: Golden, sleep: Callable[[float], None]) -> int:
    """Send the golden plan and what is no plan; the number of rooms that were found.

    Raises:
        AwsError: If the endpoint cannot be asked at all.
        WrongAnswer: If an answer is not as it must be.
    """
    answer = _ask(gateway, endpoint, golden.plan, sleep)
    if answer.status != HTTPStatus.OK:
        raise WrongAnswer(f"{endpoint} answers its golden plan with {_told(answer)}")
    try:
        rooms = judge_answer(answer.body.decode(errors="replace"), golden)
    except WrongAnswer as err:
        raise WrongAnswer(f"{endpoint}: {err}") from err
    refusal = _ask(gateway, endpoint, _NO_PLAN, sleep)
    if (refusal.status, _code(refusal)) != (HTTPStatus.BAD_REQUEST, "invalid_file_format"):
        raise WrongAnswer(
            f"{endpoint} answers what is no plan with {_told(refusal)} instead of "
            "400 invalid_file_format"
        )
    return rooms


def stored_golden(gateway: Gateway, address: str, version: Version) -> Golden:
    """The golden plan of a version that was deployed, out of its model's file.

    Raises:
        ArchiveError: If the file is not what it was when it was deployed.
        AwsError: If it cannot be read.
    """
    bucket, key = split_address(address)
    found = gateway.call("s3", "get_object", {"Bucket": bucket, "Key": key})
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "rooms.mar")
        sha256 = unpack_model(found["Body"].read(), archive)
        if version.sha256 and sha256 != version.sha256:
            raise ArchiveError(f"{address} has sha256 {sha256}; {version.sha256} was deployed")
        return read_golden(archive)


def _ask(gateway: Gateway, endpoint: str, body: bytes, sleep: Callable[[float], None]) -> Reply:
    reply = gateway.invoke(endpoint, body)
    for _ in range(_TRIES):
        if reply.status not in _BUSY and reply.code not in THROTTLED:
            break
        sleep(_PAUSE_S)
        reply = gateway.invoke(endpoint, body)
    return reply


def _code(reply: Reply) -> str:
    try:
        return str(json.loads(reply.body)["error"])
    except (ValueError, KeyError, TypeError):
        return ""


def _told(reply: Reply) -> str:
    text = reply.failure or reply.body.decode(errors="replace")
    return f"{reply.status or 'no status'}: {text[:200]}"
