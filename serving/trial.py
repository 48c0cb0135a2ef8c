# SPDX-License-Identifier: AGPL-3.0-or-later
"""A version is tried with its golden plan before it serves: warmed, and every answer judged."""

from __future__ import annotations

import time
import urllib.request
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from serving.loopback import exchange
from serving.management import quoted
from serving.smoke_test import Answer, check_refusal, find_rooms, find_rooms_of_pdf

if TYPE_CHECKING:
    from serving.golden import Golden

# The first answer of a network comes later than the next ones: code and memory are cold.
WARM_REQUESTS = 3
_ANSWER_TIMEOUT_S = 70  # a server answers within 60 s
_TRIES, _PAUSE_S = 20, 0.5  # where its queue is full


def try_version(url: str, golden: Golden) -> tuple[int, int]:
    """Warm a version and judge it; rooms on the golden plan, and milliseconds of the fastest time.

    Args:
        url: Address of the inference API.
        golden: What it must answer.

    Raises:
        WrongAnswer: If an answer is not as it must be.
    """
    ask = partial(send, f"{url}/predictions/rooms/{quoted(golden.version)}")
    times_s, rooms = [], 0
    for _ in range(WARM_REQUESTS):
        started_s = time.monotonic()
        rooms = find_rooms(ask, golden)
        times_s.append(time.monotonic() - started_s)
    find_rooms_of_pdf(ask, golden)
    check_refusal(ask)
    return rooms, round(1000 * min(times_s))


def try_default(url: str, golden: Golden) -> None:
    """Ask what serves for the golden plan's rooms.

    Raises:
        WrongAnswer: If they are not the right ones.
    """
    find_rooms(partial(send, f"{url}/invocations"), golden)


def send(address: str, body: bytes) -> Answer:
    """What is answered; a full queue is waited for."""
    headers = {"Content-Type": "application/octet-stream"}
    request = urllib.request.Request(address, data=body, headers=headers, method="POST")
    answer = Answer(0, b"")
    for _ in range(_TRIES):
        try:
            answer = Answer(*exchange(request, timeout_s=_ANSWER_TIMEOUT_S))
        except OSError as err:
            return Answer(0, b"", f"no answer from {address}: {getattr(err, 'reason', err)}")
        if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
            break
        time.sleep(_PAUSE_S)
    return answer
