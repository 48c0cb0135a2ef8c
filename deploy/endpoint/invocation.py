# SPDX-License-Identifier: AGPL-3.0-or-later
"""A plan sent to an endpoint that answers at once, and what an endpoint's refusal means."""

from __future__ import annotations

import json
import time
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from deploy.aws.advice import next_step
from deploy.aws.api import OCTETS
from deploy.aws.codes import THROTTLED
from deploy.aws.errors import InvocationFailed
from roomdet_client.answers import parse_answer, parse_refusal
from roomdet_client.errors import ClientError
from serving.console import say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from deploy.aws.api import AwsApi, Reply
    from roomdet_client.answers import Detection

# Together a minute and a half: a serverless container that is started now takes less.
PAUSES_S = (2.0, 4.0, 8.0, 16.0, 30.0, 30.0)
_TRIED_AGAIN = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_LOGS = "`python -m deploy logs --errors` shows what the container says of it."
_TOO_MANY = (
    "There are more requests at once than the endpoint has containers for: send fewer, or raise "
    "serverless.max_concurrency (realtime: the number of instances)."
)


def invoke(
    account: AwsApi,
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
    send = partial(account.invoke, endpoint, data, OCTETS, attributes)
    return answer_of(endpoint, ask_again(send, pauses_s, sleep))


def ask_again(
    send: Callable[[], Reply],
    pauses_s: Sequence[float] = PAUSES_S,
    sleep: Callable[[float], None] = time.sleep,
) -> Reply:
    """The first reply that is not only for the time being, or the last one."""
    reply = send()
    for pause_s in pauses_s:
        if reply.status not in _TRIED_AGAIN and reply.code not in THROTTLED:
            break
        say(f"{_short(reply)}; trying again in {pause_s:.0f} s …")
        sleep(pause_s)
        reply = send()
    return reply


def answer_of(endpoint: str, reply: Reply) -> Detection:
    """The rooms that an endpoint answers.

    Raises:
        InvocationFailed: If the answer is an error, or none came.
    """
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
