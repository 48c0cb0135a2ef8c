# SPDX-License-Identifier: AGPL-3.0-or-later
"""Start this project's server and the peers, each in a session and with folders of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench.services import BenchError, Crowd, HttpService, Service, TurnTaker
from serving.server import Ports, java_environment, serve, with_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    Start: TypeAlias = "Callable[[Setup], AbstractContextManager[Service]]"

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "benchmarks" / "peers"
STOP_TIMEOUT_S = 20.0
_PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
OURS, INT8, OPENVINO, FASTAPI, TORCHSERVE, LITSERVE, LIMIT, NETWORK, PREDICT, SAHI = (
    "ours", "fastapi_int8", "fastapi_openvino", "fastapi", "torchserve", "litserve", "limit",
    "network", "predict", "sahi",
)  # fmt: skip
# Others stand for them: they are asked for the plan alone, by one and five clients.
BRIEF = frozenset({OPENVINO, TORCHSERVE, LITSERVE})
# No line of the bar names them.
LEFT_OUT_IF_QUICK = frozenset({OPENVINO, LITSERVE})


@dataclass(frozen=True, slots=True)
class Setup:
    """What is served, and by which Python.

    Attributes:
        archive: This project's.
        checkpoint: The same weights, for ultralytics.
        peer_archive: The checkpoint and a handler, for TorchServe.
        exports: Folder of what ultralytics made of the checkpoint for OpenVINO.
        peers_python: Of the environment that has ultralytics and the servers.
        peer_threads: PyTorch's threads in the peers.
        left_out: Servers that are not started.
    """

    archive: Path
    checkpoint: Path
    peer_archive: Path
    exports: Path
    peers_python: Path
    peer_threads: int
    left_out: frozenset[str] = frozenset()

    def chosen(self, starters: Mapping[str, Start]) -> dict[str, Start]:
        """Those that are to be started."""
        return {name: start for name, start in starters.items() if name not in self.left_out}

    @property
    def openvino(self) -> Path:
        """Exported in float, for canvases of any shape."""
        return self.exports / "rooms_openvino_model"

    @property
    def openvino_int8(self) -> Path:
        """The same in int8."""
        return self.exports / "rooms_int8_openvino_model"

    def environment(self, home: Path) -> dict[str, str]:
        """Variables of a peer's processes."""
        folders = dict.fromkeys(("TMPDIR", "TEMP", "LOG_LOCATION", "METRICS_LOCATION"), str(home))
        own = {
            # Without handler/: its sitecustomize.py would take torch away from TorchServe's worker.
            "PYTHONPATH": str(ROOT),
            "CHECKPOINT": str(self.checkpoint.resolve()),
            "PEER_THREADS": str(self.peer_threads),
            "YOLO_OFFLINE": "true",
            "YOLO_CONFIG_DIR": str(ROOT / "build" / "ultralytics"),
        }
        return dict(os.environ) | folders | own


@contextmanager
def _ours(setup: Setup) -> Iterator[HttpService]:
    """As ``make serve`` does."""
    with serve(setup.archive, config=ROOT / "config.properties") as server:
        yield HttpService(server.url, server.process.pid)


@contextmanager
def _fastapi(setup: Setup, model: Path | None = None) -> Iterator[HttpService]:
    """With the checkpoint, or with what was exported from it."""
    port = Ports.free().inference
    command = [
        setup.peers_python, "-m", "uvicorn", "benchmarks.peers.fastapi_ultralytics:app",
        "--host", "127.0.0.1", "--port", port, "--log-level", "warning", "--no-access-log",
    ]  # fmt: skip
    chosen = {"CHECKPOINT": str((model or setup.checkpoint).resolve())}
    with _home() as home, _running(command, home, setup.environment(home) | chosen) as process:
        yield HttpService(f"http://127.0.0.1:{port}", process.pid)


@contextmanager
def _litserve(setup: Setup) -> Iterator[HttpService]:
    port = Ports.free().inference
    command = [setup.peers_python, "-m", "benchmarks.peers.litserve_ultralytics", port]
    with _home() as home, _running(command, home, setup.environment(home)) as process:
        yield HttpService(f"http://127.0.0.1:{port}", process.pid)


@contextmanager
def _torchserve(setup: Setup) -> Iterator[HttpService]:
    """Stock TorchServe of the peers' environment, on the same Java as ours."""
    ports = Ports.free()
    with _home() as home:
        store = home / "model_store"
        store.mkdir()
        (store / "rooms.mar").symlink_to(setup.peer_archive.resolve())
        properties = (PEERS / "torchserve.properties").read_text("utf-8")
        (home / "config.properties").write_text(with_settings(properties, ports.settings()))
        command = [
            setup.peers_python, "-c", "from ts.model_server import start; start()",
            "--start", "--foreground", "--ncs", "--ts-config", home / "config.properties",
            "--log-config", PEERS / "torchserve_log4j2.xml",
            "--model-store", store, "--models", "rooms=rooms.mar",
        ]  # fmt: skip
        environment = setup.environment(home) | java_environment()
        with _running(command, home, environment) as process:
            yield HttpService(f"http://127.0.0.1:{ports.inference}", process.pid)


def _alone(module: str) -> Callable[[Setup], AbstractContextManager[TurnTaker]]:
    """A starter of a peer that takes turns, with the settings of the archive."""

    @contextmanager
    def start(setup: Setup) -> Iterator[TurnTaker]:
        with _home() as home, _turn_taker(module, setup, home, {}) as taker:
            yield taker

    return start


def _slicer(way: str) -> Start:
    """A starter of a peer that sees sheets, by ultralytics' int8 export."""

    @contextmanager
    def start(setup: Setup) -> Iterator[TurnTaker]:
        command = [setup.peers_python, "-m", "benchmarks.peers.sheet_ultralytics", way]
        chosen = {"CHECKPOINT": str(setup.openvino_int8.resolve())}
        with _home() as home:
            environment = setup.environment(home) | chosen
            with _running(command, home, environment, **_PIPES) as process:
                yield TurnTaker(process)

    return start


@contextmanager
def crowd(setup: Setup, count: int) -> Iterator[Crowd]:
    """``count`` processes of the limit, each of which runs the network in one thread."""
    if count == 0:
        yield Crowd([])
        return
    one_thread = {"ROOMDET_THREADS": "1"}
    with (
        _home() as home,
        _turn_taker("benchmarks.peers.limit", setup, home, one_thread) as taker,
        crowd(setup, count - 1) as rest,
    ):
        yield Crowd([taker, *rest.members])


@contextmanager
def _turn_taker(
    module: str, setup: Setup, home: Path, environ: Mapping[str, str]
) -> Iterator[TurnTaker]:
    ours = {"PYTHONPATH": os.pathsep.join([str(ROOT / "handler"), str(ROOT)])}
    environment = setup.environment(home) | ours | dict(environ)
    with _running([sys.executable, "-m", module], home, environment, **_PIPES) as process:
        yield TurnTaker(process)


# The strongest peer first.
SERVERS: dict[str, Start] = {
    OURS: _ours,
    INT8: lambda setup: _fastapi(setup, setup.openvino_int8),
    OPENVINO: lambda setup: _fastapi(setup, setup.openvino),
    FASTAPI: _fastapi,
    TORCHSERVE: _torchserve,
    LITSERVE: _litserve,
}
TURN_TAKERS: dict[str, Start] = {
    LIMIT: _alone("benchmarks.peers.limit"),
    NETWORK: _alone("benchmarks.peers.network_alone"),
}
SLICERS: dict[str, Start] = {PREDICT: _slicer(PREDICT), SAHI: _slicer(SAHI)}


def pack_peer(setup: Setup) -> None:
    """Make TorchServe's archive of the checkpoint with torch-model-archiver."""
    setup.peer_archive.parent.mkdir(parents=True, exist_ok=True)
    with _home() as home:
        command: list[Any] = [
            setup.peers_python, "-m", "model_archiver.model_packaging",
            "--model-name", setup.peer_archive.stem, "--version", "1.0",
            "--serialized-file", setup.checkpoint.resolve(),
            "--handler", PEERS / "torchserve_ultralytics.py",
            "--export-path", setup.peer_archive.parent.resolve(), "--force",
        ]  # fmt: skip
        done = subprocess.run(
            command, env=setup.environment(home), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BenchError(f"torch-model-archiver: {done.stderr.strip()[-2000:]}")


@contextmanager
def _home() -> Iterator[Path]:
    """A folder of its own; its name is short because TorchServe puts a socket there."""
    home = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _running(
    command: list[Any], home: Path, environment: dict[str, str], **pipes: Any
) -> Iterator[subprocess.Popen[Any]]:
    """A process that leads a session; what it prints goes to ``server.log`` of its folder."""
    with (home / "server.log").open("wb") as log:
        outputs: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=home,
            env=environment,
            start_new_session=True,
            **(outputs | pipes),
        )
    try:
        yield process
    except BenchError as err:
        tail = (home / "server.log").read_text("utf-8", errors="replace")[-3000:]
        raise BenchError(f"{err}\n{tail}") from err
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[Any]) -> None:
    """End the whole session, first with a request, then by force."""
    for number, timeout_s in ((signal.SIGTERM, STOP_TIMEOUT_S), (signal.SIGKILL, STOP_TIMEOUT_S)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            continue
