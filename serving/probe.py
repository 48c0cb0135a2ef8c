# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests that show whether a version answers as its archive demands."""

from __future__ import annotations

import json
import time
import urllib.request

from serving.errors import WrongAnswer
from serving.loopback import exchange

_TIMEOUT_S = 70  # a server answers within 60 s
_FULL_QUEUE = 503
_TRIES = 20
_PAUSE_S = 0.5
_NO_PLAN = b"no plan"


def ask(address: str, plan: bytes) -> str:
    """Send a plan and return the answer; a full queue is waited for.

    Raises:
        WrongAnswer: If the answer is an error, or none comes.
    """
    status, body = 0, b""
    for _ in range(_TRIES):
        status, body = _post(address, plan)
        if status != _FULL_QUEUE:
            break
        time.sleep(_PAUSE_S)
    text = body.decode(errors="replace")
    if status != 200:  # noqa: PLR2004  # HTTP's own number
        raise WrongAnswer(f"the golden plan is answered with {status}: {text[:200]}")
    return text


def check_refusal(address: str) -> None:
    """Send what is no plan: an error must look like one, or clients read it as "no rooms".

    Raises:
        WrongAnswer: If it is not refused as docs/api.md says.
    """
    status, body = _post(address, _NO_PLAN)
    try:
        code = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        code = None
    if (status, code) != (400, "invalid_file_format"):
        raise WrongAnswer(
            f"what is no plan is answered with {status} {code} instead of 400 invalid_file_format"
        )


def _post(address: str, body: bytes) -> tuple[int, bytes]:
    headers = {"Content-Type": "application/octet-stream"}
    request = urllib.request.Request(address, data=body, headers=headers, method="POST")
    try:
        return exchange(request, timeout_s=_TIMEOUT_S)
    except OSError as err:
        raise WrongAnswer(f"no answer from {address}: {getattr(err, 'reason', err)}") from err
