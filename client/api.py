# SPDX-License-Identifier: AGPL-3.0-or-later
"""Call a server and read its answer, whichever part of the server wrote it."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOPBACK = ("127.0.0.1", "localhost")
OPTIONS_HEADER = "X-Amzn-SageMaker-Custom-Attributes"


class ClientError(Exception):
    """Anything this package raises on purpose."""


class ServerUnreachable(ClientError):
    """No answer came: nothing listens there, or it took too long."""


class RequestRefused(ClientError):
    """The server answered with an error.

    Args:
        status: HTTP status.
        code: One of the API's codes, such as ``file_too_large``; or the error type of TorchServe,
            which answers some failures in its own form (docs/api.md).
        message: Why.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Room:
    """One room of an answer.

    Attributes:
        id: Such as ``room_001``.
        box_xyxy_grid: Corners ``x_min, y_min, x_max, y_max`` in 0 to 1000 of the submitted page.
        confidence: 0 to 1.
    """

    id: str
    box_xyxy_grid: tuple[int, int, int, int]
    confidence: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer.

    Attributes:
        rooms: Highest confidence first.
        processing_time_ms: Time the server spent on this picture.
        body: The answer as it came.
    """

    rooms: tuple[Room, ...]
    processing_time_ms: int
    body: str


def detect(
    data: bytes,
    *,
    url: str,
    options: Mapping[str, float | str] | None = None,
    timeout_s: float = 60.0,
) -> Answer:
    """Find the rooms of a plan.

    Args:
        data: A picture or PDF.
        url: Address of a server, such as ``http://127.0.0.1:8080``.
        options: ``confidence``, ``iou``, ``max_rooms``, ``page``, ``detail``.
        timeout_s: For connecting and for each read.

    Raises:
        RequestRefused: If the server answered with an error.
        ServerUnreachable: If no answer came.
    """
    headers = {"Content-Type": "application/octet-stream"}
    if options:
        headers[OPTIONS_HEADER] = ";".join(f"{key}={value}" for key, value in options.items())
    request = urllib.request.Request(
        f"{url.rstrip('/')}/invocations", data=data, headers=headers, method="POST"
    )
    try:
        with _opener(request.host).open(request, timeout=timeout_s) as response:
            return parse_answer(response.read().decode())
    except urllib.error.HTTPError as err:
        raise parse_refusal(err.code, err.read()) from err
    except (OSError, http.client.HTTPException) as err:
        raise _unreachable(url, len(data), err) from err


def _opener(host: str) -> urllib.request.OpenerDirector:
    """The environment's proxies, but none for this machine itself."""
    if host.partition(":")[0] in LOOPBACK:
        return urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener()


def _unreachable(url: str, size: int, err: Exception) -> ServerUnreachable:
    reason = getattr(err, "reason", err)
    if isinstance(reason, ConnectionResetError | BrokenPipeError):
        return ServerUnreachable(
            f"{url} closed the connection while {size:,} bytes were sent; TorchServe does so with "
            "a body over its max_request_size"
        )
    return ServerUnreachable(f"no answer from {url}: {reason}")


def parse_answer(body: str) -> Answer:
    """Read a successful answer.

    Raises:
        ClientError: If it is not of the documented form.
    """
    try:
        document = json.loads(body)
        rooms = tuple(
            Room(room["id"], tuple(room["bounding_box"]), room["confidence"])
            for room in document["detected_rooms"]
        )
        return Answer(rooms, document["processing_time_ms"], body)
    except (ValueError, KeyError, TypeError) as err:
        raise ClientError(f"the answer has not the documented form: {body[:200]}") from err


def parse_refusal(status: int, body: bytes) -> RequestRefused:
    """Read an error, ours (``error``, ``message``) or TorchServe's (``type``, ``message``)."""
    try:
        document: Any = json.loads(body)
        code = document.get("error") or document["type"]
        return RequestRefused(status, str(code), str(document["message"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        text = body.decode(errors="replace")[:200]
        return RequestRefused(status, "unknown", text or "no reason was given")
