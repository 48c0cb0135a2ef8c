# SPDX-License-Identifier: AGPL-3.0-or-later
"""TorchServe's management API, and ``/versions``, which the endpoint plugin adds to it."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from dataclasses import dataclass

from serving.errors import RolloutError
from serving.loopback import exchange
from serving.server import MODEL_NAME

_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Version:
    """One registered version of a model.

    Attributes:
        model: Name of the model.
        version: Such as ``1.2``.
        is_default: Whether requests that name no version go there.
        archive: File that it was registered from, in the model store.
        status: As in ``/ping``: ``Healthy``, ``Loading`` or ``Unhealthy``.
        reason: Why it is not healthy; empty while it is.
        in_flight: Requests that it has accepted and not yet answered.
    """

    model: str
    version: str
    is_default: bool
    archive: str
    status: str
    reason: str
    in_flight: int


@dataclass(frozen=True, slots=True)
class Management:
    """The management API of one TorchServe.

    Attributes:
        url: Such as ``http://127.0.0.1:8081``.
    """

    url: str

    def versions(self) -> dict[str, Version]:
        """The registered versions of our model.

        Raises:
            RolloutError: If nothing answers, or TorchServe runs without the endpoint plugin.
        """
        status, body = self._call("GET", "/versions")
        try:
            found = [Version(**entry) for entry in json.loads(body)]
        except (ValueError, TypeError) as err:
            raise RolloutError(
                f"{self.url} has no /versions ({status}): TorchServe runs without this project's "
                "endpoint plugin (plugins_path), or with an older one"
            ) from err
        return {entry.version: entry for entry in found if entry.model == MODEL_NAME}

    def register(self, archive: str) -> None:
        """Register an archive of the model store; its worker starts in the background."""
        query = {
            "url": archive,
            "model_name": MODEL_NAME,
            "initial_workers": "1",
            # TorchServe would try a broken archive for a minute, and would not say why.
            "synchronous": "false",
        }
        self._order("POST", f"/models?{urllib.parse.urlencode(query)}")

    def set_default(self, version: str) -> None:
        """Send requests that name no version to this one from now on."""
        self._order("PUT", f"/models/{MODEL_NAME}/{quoted(version)}/set-default")

    def unregister(self, version: str) -> None:
        """Stop a version's workers and forget it; TorchServe fails what it has not answered."""
        self._order("DELETE", f"/models/{MODEL_NAME}/{quoted(version)}")

    def _order(self, method: str, path: str) -> None:
        status, body = self._call(method, path)
        if status >= 300:  # noqa: PLR2004  # HTTP's own number
            raise RolloutError(f"TorchServe refuses {method} {path}: {status} {_message(body)}")

    def _call(self, method: str, path: str) -> tuple[int, bytes]:
        request = urllib.request.Request(self.url + path, method=method)
        try:
            return exchange(request, timeout_s=_TIMEOUT_S)
        except OSError as err:
            reason = getattr(err, "reason", err)
            raise RolloutError(f"no answer from the management API {self.url}: {reason}") from err


def quoted(version: str) -> str:
    """A version as part of a path."""
    return urllib.parse.quote(version, safe="")


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")[:200]
