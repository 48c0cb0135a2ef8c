# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a server says of itself at ``/ping`` (docker/endpoints)."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass

from serving.loopback import exchange

# SageMaker gives a ping as much.
_TIMEOUT_S = 2


@dataclass(frozen=True, slots=True)
class Health:
    """One answer of ``/ping``.

    Attributes:
        http_status: 200 while every model can answer, else 503.
        status: ``Healthy``, ``Loading``, ``Unhealthy`` or ``Stopping``.
        reason: Why it is not healthy; empty while it is.
        in_flight: Requests that are accepted and not yet answered.
    """

    http_status: int
    status: str
    reason: str
    in_flight: int

    @property
    def is_ready(self) -> bool:
        """Whether every model can answer."""
        return self.http_status == 200  # noqa: PLR2004  # HTTP's own number

    @property
    def is_hopeless(self) -> bool:
        """Whether waiting will not help: a model refused to load, or its worker keeps ending."""
        return self.status == "Unhealthy"


class PluginMissingError(Exception):
    """``/ping`` is TorchServe's own, which is 200 whether or not a model is loaded."""


def read_health(url: str) -> Health | None:
    """Ask ``/ping``.

    Args:
        url: Address of the inference API.

    Returns:
        None while nothing answers there.

    Raises:
        PluginMissingError: If it is TorchServe's own ``/ping`` that answers.
    """
    try:
        status, body = exchange(urllib.request.Request(f"{url}/ping"), timeout_s=_TIMEOUT_S)
    except OSError:
        return None
    return _parse(status, body)


def _parse(http_status: int, body: bytes) -> Health:
    document = json.loads(body)
    if "in_flight" not in document:
        raise PluginMissingError("TorchServe has not loaded the endpoint plugin (plugins_path)")
    return Health(http_status, document["status"], document["reason"], document["in_flight"])
