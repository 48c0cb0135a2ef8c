# SPDX-License-Identifier: AGPL-3.0-or-later
"""Put a local SageMaker together, run it, and end all of it."""

from __future__ import annotations

import threading
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

from sagemaker_local.app import Application
from sagemaker_local.aws_clients import KEY_ID, SECRET, AwsClients
from sagemaker_local.backend import Backend, Clock, Faults, Quotas
from sagemaker_local.commands import DEFAULT_REGION
from sagemaker_local.container import ContainerServer
from sagemaker_local.invoke import TIMEOUT_S, Runtime
from sagemaker_local.logs import Logs
from sagemaker_local.metrics import Metrics
from sagemaker_local.pool import Pool
from sagemaker_local.torchserve import LocalTorchServe
from sagemaker_local.upkeep import Upkeep
from serving.loopback import exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sagemaker_local.model_servers import LaunchSpec, ModelServer

    Starter = Callable[[LaunchSpec], ModelServer]

_RESET_TIMEOUT_S = 30


class ServeWith(StrEnum):
    """What answers invocations."""

    TORCHSERVE = "torchserve"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class LocalSageMaker:
    """A local SageMaker that runs.

    Attributes:
        url: Its address, for all services.
        backend: Its inside.
    """

    url: str
    backend: Backend

    @property
    def environ(self) -> dict[str, str]:
        """Variables with which boto3 goes there."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    @property
    def faults(self) -> Faults:
        """What tests let go wrong."""
        return self.backend.faults


class _Quiet(MotoRequestHandler):
    """Does not write a line for each request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def starter(serve_with: ServeWith, image: str = "") -> Starter:
    """What starts servers: TorchServe of this machine, or containers of an image."""
    if serve_with is ServeWith.IMAGE:
        return partial(ContainerServer, image=image)
    return LocalTorchServe


@dataclass(slots=True)
class _Users:
    """How many places of this process share moto, whose state is one for all of them."""

    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def come(self) -> None:
        with self.lock:
            self.count += 1

    def go(self, url: str) -> None:
        """One less; the last leaves moto empty."""
        with self.lock:
            self.count -= 1
            if not self.count:
                request = urllib.request.Request(f"{url}/moto-api/reset", method="POST")
                exchange(request, timeout_s=_RESET_TIMEOUT_S)


_USERS = _Users()


@contextmanager
def local_sagemaker(  # noqa: PLR0913  # what tests and benchmarks set
    start: Starter,
    *,
    port: int = 0,
    time_scale: float = 1.0,
    quotas: Quotas | None = None,
    timeout_s: float = TIMEOUT_S,
    spare: int = 0,
    region: str = DEFAULT_REGION,
) -> Iterator[LocalSageMaker]:
    """Run a local SageMaker until the block ends.

    Args:
        start: What starts a server; see :func:`starter`.
        port: Where to listen on loopback; 0 takes a free one.
        time_scale: By what waits and periods of alarms are multiplied.
        quotas: What the account may use.
        timeout_s: How long an invocation may take.
        spare: How many servers run on without an endpoint, for a next one of the same model.
        region: Whose repositories images can be pushed to at the same address.

    Raises:
        OSError: If the port is taken.
    """
    application = Application()
    server = make_server("127.0.0.1", port, application, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, name="local-sagemaker", daemon=True)
    url = f"http://127.0.0.1:{server.server_port}"
    closing = threading.Event()
    aws = AwsClients(url)
    backend = Backend(
        aws,
        Pool(start, closing, spare),
        Clock(time_scale, closing),
        Metrics(),
        Logs(aws),
        quotas or Quotas(),
    )
    application.serve(backend, Runtime(backend, timeout_s), region)
    upkeep = Upkeep(backend)
    _USERS.come()
    thread.start()
    upkeep.start()
    try:
        yield LocalSageMaker(url, backend)
    finally:
        closing.set()
        backend.join()
        upkeep.join()
        backend.pool.close()
        backend.join_requests()
        _USERS.go(url)
        server.shutdown()
        thread.join()
        server.server_close()
        application.close()
