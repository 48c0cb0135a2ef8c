# SPDX-License-Identifier: AGPL-3.0-or-later
"""A server that is a container of the real image, run by Docker or podman."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.contract.container import AS_ANY_USER, READ_ONLY, Setting, running
from deploy.contract.wire import Server
from deploy.image.engine import find_engine
from sagemaker_local.model_data import unpack
from sagemaker_local.model_servers import PING_FAILED, ServerFailed
from serving.errors import ToolError

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from deploy.contract.answers import Answer
    from deploy.contract.container import Container
    from sagemaker_local.model_servers import LaunchSpec

_POLL_S = 0.5
_READER_S = 5.0
_MEMORY_S = 10.0
_STOP_S = 30.0  # SageMaker kills a container that long after SIGTERM


class ContainerServer:
    """One container with a model mounted at /opt/ml/model.

    Args:
        launch: What it is started with.
        image: Image that runs in the place of the recipe's; empty for none.

    Raises:
        ServerFailed: If the engine does not start it.
    """

    def __init__(self, launch: LaunchSpec, image: str) -> None:
        self._launch = launch
        self._stack = ExitStack()
        self._reader: subprocess.Popen[bytes] | None = None
        self._measured_s = 0.0
        try:
            folder = Path(tempfile.mkdtemp(prefix="model-"))
            self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
            folder.chmod(0o755)  # the container runs as any user
            self._log = folder / "container.log"
            self._log.touch()
            unpack(launch, folder / "model")
            self._container = self._run(image or launch.image, folder / "model")
        except ToolError as err:
            self._stack.close()
            raise ServerFailed(PING_FAILED, str(err)) from err
        except BaseException:
            self._stack.close()
            raise

    def _run(self, image: str, model: Path) -> Container:
        variables = tuple(f"{key}={value}" for key, value in self._launch.environ.items())
        setting = Setting(
            find_engine(), image, self._launch.memory_mb, model=model, environ=variables
        )
        flags = (*READ_ONLY, *AS_ANY_USER) if self._launch.is_serverless else ()
        self._stack.callback(self._join_reader)
        container = self._stack.enter_context(running(setting, flags))
        with self._log.open("wb") as output:
            command = [container.program, "logs", "--follow", container.name]
            self._reader = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        self._stack.callback(self._terminate, container)
        return container

    def _join_reader(self) -> None:
        """Let it read what is left; it ends with the container."""
        if self._reader is None:
            return
        try:
            self._reader.wait(_READER_S)
        except subprocess.TimeoutExpired:
            self._reader.kill()
            self._reader.wait()

    @staticmethod
    def _terminate(container: Container) -> None:
        if container.is_running():
            container.terminate()
            container.wait_end(_STOP_S)

    @property
    def log(self) -> Path:
        """Everything that it prints."""
        return self._log

    def wait_ready(self, stop: threading.Event) -> None:
        """See :class:`sagemaker_local.model_servers.ModelServer`."""
        container = self._container
        while not stop.is_set():
            waited_s = time.monotonic() - container.started_s
            if waited_s > self._launch.timeout_s or not container.is_running():
                break
            if container.wait_ping(waited_s + _POLL_S) is not None:
                return
        if not stop.is_set():
            self._terminate(container)
            self._join_reader()
            raise ServerFailed(PING_FAILED, self._log.read_text("utf-8", errors="replace"))

    def send(self, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Answer:
        """See :class:`sagemaker_local.model_servers.ModelServer`."""
        place = self._container.server
        server = Server(place.host, place.port)
        return server.ask("POST", "/invocations", body, headers, timeout_s=timeout_s)

    def get(self, path: str, timeout_s: float) -> Answer:
        """See :class:`sagemaker_local.model_servers.ModelServer`."""
        place = self._container.server
        return Server(place.host, place.port).ask("GET", path, timeout_s=timeout_s)

    def is_running(self) -> bool:
        """Whether its log goes on; asking the engine again and again costs more than serving."""
        is_read = self._reader is not None and self._reader.poll() is None
        return is_read or self._container.is_running()

    def memory_percent(self) -> float | None:
        """The sum of its processes' peaks, seldom: asking the engine costs more than serving."""
        if time.monotonic() < self._measured_s + _MEMORY_S:
            return None
        self._measured_s = time.monotonic()
        peak_mb = self._container.peak_mb()
        return None if peak_mb is None else 100 * peak_mb / self._launch.memory_mb

    def stop(self) -> None:
        """SIGTERM, up to 30 s, then the end; nothing is left."""
        self._stack.close()
