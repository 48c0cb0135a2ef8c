# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the server says about itself: ``GET /ping`` of the endpoint plugin."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus

_TIMEOUT_S = 2.0  # SageMaker's own patience with a ping


@dataclass(frozen=True, slots=True)
class Ping:
    """One answer of ``/ping``.

    Attributes:
        is_healthy: It said 200.
        in_flight: Requests that are accepted and not answered; None if nobody can say.
        text: The answer, or why there was none.
    """

    is_healthy: bool
    in_flight: int | None
    text: str


def ping(port: int, timeout_s: float = _TIMEOUT_S) -> Ping:
    """Ask the server on loopback how it is, with no more patience than SageMaker's."""
    status, text = _ask(port, "GET", "/ping", min(timeout_s, _TIMEOUT_S))
    if status is None:
        # Nothing listens yet or any more, so nothing can have been accepted.
        return Ping(is_healthy=False, in_flight=0 if text == "refused" else None, text=text)
    return Ping(status == HTTPStatus.OK, _in_flight(text), text)


def scale(management_port: int, workers: int) -> str:
    """Ask for more workers; they start one by one. Empty if that was accepted, else why not."""
    status, text = _ask(management_port, "PUT", f"/models/rooms?min_worker={workers}")
    return "" if status in {HTTPStatus.OK, HTTPStatus.ACCEPTED} else text


def _ask(
    port: int, method: str, path: str, timeout_s: float = _TIMEOUT_S
) -> tuple[int | None, str]:
    """Status and body of an answer; without one, None and the reason."""
    # Takes longer than the rest of process 1, and now the JVM runs, which need not wait for it.
    import http.client  # noqa: PLC0415

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, " ".join(answer.read(4096).decode(errors="replace").split())
    except ConnectionRefusedError:
        return None, "refused"
    except (OSError, http.client.HTTPException) as err:
        return None, str(err) or type(err).__name__
    finally:
        connection.close()


def _in_flight(text: str) -> int | None:
    try:
        count = json.loads(text)["in_flight"]
    except (ValueError, TypeError, KeyError):
        return None
    return count if isinstance(count, int) else None
