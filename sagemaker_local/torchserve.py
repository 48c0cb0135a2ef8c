# SPDX-License-Identifier: AGPL-3.0-or-later
"""A server that is a TorchServe of this machine, as ``python -m deploy local serve`` starts it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from deploy.contract.wire import Server
from sagemaker_local.model_data import unpack
from sagemaker_local.model_servers import PING_FAILED, ServerFailed
from serving.errors import LocalServerError
from serving.server import JSON_LOG_CONFIG, LocalServer, serve

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from deploy.contract.answers import Answer
    from sagemaker_local.model_servers import LaunchSpec

_ROOT = Path(__file__).parents[1]
_CHECK = Path(__file__).with_name("model_check.py")
_CHECK_TIMEOUT_S = 60
_MIB = 2**20


class LocalTorchServe:
    """One TorchServe with the one archive of a model.

    Raises:
        ServerFailed: If the model is refused before TorchServe starts.
    """

    def __init__(self, launch: LaunchSpec) -> None:
        self._launch = launch
        self._stack = ExitStack()
        try:
            folder = Path(tempfile.mkdtemp(prefix="model-"))
            self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
            unpack(launch, folder / "model")
            archive, environ = _check(folder / "model", launch.environ)
            self._server: LocalServer = self._stack.enter_context(
                serve(
                    archive,
                    config=_ROOT / "config.properties",
                    environ=environ,
                    log_config=JSON_LOG_CONFIG,
                )
            )
        except BaseException:
            self._stack.close()
            raise

    @property
    def log(self) -> Path:
        """Everything that it prints."""
        return self._server.log

    def wait_ready(self, stop: threading.Event) -> None:
        """See :class:`sagemaker_local.model_servers.ModelServer`."""
        try:
            self._server.wait_ready(self._launch.timeout_s, stop)
        except LocalServerError as err:
            log = self.log.read_text("utf-8", errors="replace")
            raise ServerFailed(PING_FAILED, log) from err

    def send(self, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Answer:
        """See :class:`sagemaker_local.model_servers.ModelServer`."""
        server = Server("127.0.0.1", self._server.ports.inference)
        return server.ask("POST", "/invocations", body, headers, timeout_s=timeout_s)

    def get(self, path: str, timeout_s: float) -> Answer:
        """See :class:`sagemaker_local.model_servers.ModelServer`."""
        server = Server("127.0.0.1", self._server.ports.inference)
        return server.ask("GET", path, timeout_s=timeout_s)

    def is_running(self) -> bool:
        """Whether the JVM has not ended."""
        return self._server.process.poll() is None

    def memory_percent(self) -> float | None:
        """Resident memory of the JVM and the workers."""
        try:
            parent = psutil.Process(self._server.process.pid)
            processes = [parent, *parent.children(recursive=True)]
            used = sum(process.memory_info().rss for process in processes)
        except psutil.NoSuchProcess:
            return None
        return 100 * used / (self._launch.memory_mb * _MIB)

    def stop(self) -> None:
        """End it; nothing is left."""
        self._stack.close()


def _check(folder: Path, environ: Mapping[str, str]) -> tuple[Path, dict[str, str]]:
    """The archive of a model, and the variables that its worker gets.

    Raises:
        ServerFailed: If the image would not start with it.
    """
    inherited = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
    result = subprocess.run(
        [sys.executable, str(_CHECK), str(folder)],
        env=inherited | dict(environ) | {"PYTHONPATH": str(_ROOT / "docker")},
        capture_output=True,
        text=True,
        timeout=_CHECK_TIMEOUT_S,
        check=False,
    )
    if result.returncode:
        raise ServerFailed(PING_FAILED, result.stderr.replace(str(folder), "/opt/ml/model"))
    found = json.loads(result.stdout)
    kept = {key: value for key, value in environ.items() if key not in found["dropped"]}
    return Path(found["archive"]), kept
