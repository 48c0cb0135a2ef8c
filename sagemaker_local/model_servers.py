# SPDX-License-Identifier: AGPL-3.0-or-later
"""Servers of models: one real server stands for all instances of a variant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

    from deploy.contract.answers import Answer


class ServerFailed(Exception):
    """A server did not start.

    Args:
        reason: As an endpoint's FailureReason; with ``{variant}`` where its name belongs.
        log: What the server printed.
    """

    def __init__(self, reason: str, log: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.log = log


PING_FAILED = (
    "The primary container for production variant {variant} did not pass the ping health check. "
    "Please check CloudWatch logs for this endpoint."
)


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """What a server is started with; equal ones share a server.

    Attributes:
        image: Name of the image.
        data: The content of ``model.tar.gz``.
        data_url: Where that came from.
        environ: Variables of the container.
        is_serverless: Whether it runs as serverless hosting does: with a read-only root.
        memory_mb: What it may use, in MB of 2^20 bytes.
        timeout_s: How long it may take until it is healthy.
        owner: Who alone uses it; empty for anybody.
    """

    image: str
    data: bytes = field(repr=False)
    data_url: str
    environ: Mapping[str, str]
    is_serverless: bool = False
    memory_mb: int = 4096
    timeout_s: float = field(default=240.0, compare=False)
    owner: str = ""

    def key(self) -> tuple[object, ...]:
        """What makes two launches the same server."""
        environ = tuple(sorted(self.environ.items()))
        return self.image, self.data, environ, self.is_serverless, self.memory_mb, self.owner


class ModelServer(Protocol):
    """A server that is healthy, or will be."""

    @property
    def log(self) -> Path:
        """Everything that it prints."""
        ...

    def wait_ready(self, stop: threading.Event) -> None:
        """Wait until it is healthy, or until ``stop`` is set.

        Raises:
            ServerFailed: If it ends, or takes longer than its launch allows.
        """
        ...

    def send(self, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Answer:
        """POST /invocations."""
        ...

    def get(self, path: str, timeout_s: float) -> Answer:
        """GET something else of it, such as /execution-parameters."""
        ...

    def is_running(self) -> bool:
        """Whether it has not ended by itself."""
        ...

    def memory_percent(self) -> float | None:
        """How much of its memory it uses; None if that cannot be seen."""
        ...

    def stop(self) -> None:
        """End it; nothing is left."""
        ...
