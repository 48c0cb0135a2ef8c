# SPDX-License-Identifier: AGPL-3.0-or-later
"""One container under test: started, watched, stopped, removed."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.contract.network import Network, choose, reach
from deploy.contract.wire import Server
from deploy.errors import ContractError, EngineError
from serving.polling import poll

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from deploy.image.engine import Engine

_PORT = 8080
_POLL_S = 0.05
_ENGINE_TIMEOUT_S = 300.0
_NUMBERS = count(1)
USER = "12345:54321"
READ_ONLY = ("--read-only",)
AS_ANY_USER = ("--user", USER, "--cap-drop=all", "--security-opt", "no-new-privileges")
# What the engine itself puts into every container, and where SageMaker mounts the model.
_NOT_WRITTEN = (
    "/tmp", "/run", "/dev", "/proc", "/sys", "/opt/ml",  # noqa: S108
    "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab",
)  # fmt: skip
# Python keeps compiled modules beside their sources, where it can, and does without.
_CACHES = ("__pycache__", ".pyc")


@dataclass(frozen=True, slots=True)
class Setting:
    """How containers are run.

    Attributes:
        engine: Docker or podman.
        image: Name of the image.
        memory_mb: The chosen size, in MB of 2^20 bytes as SageMaker counts.
        cpus: How many.
        model: Folder to be mounted at /opt/ml/model; None for none.
        environ: Variables of the container.
        network: How it is reached.
    """

    engine: Engine
    image: str
    memory_mb: int = 2048
    cpus: float = 2.0
    model: Path | None = None
    environ: tuple[str, ...] = ()
    network: Network = Network.AUTO


@dataclass(slots=True)
class Container:
    """A container that was started; it may have ended since.

    Attributes:
        program: ``docker`` or ``podman``.
        name: Its name.
        server: What it answers with.
        memory_mb: Its limit.
        started_s: When it was started, by ``time.monotonic``.
        terminated_s: When it got SIGTERM.
    """

    program: str
    name: str
    server: Server
    memory_mb: int
    started_s: float = field(default_factory=time.monotonic)
    terminated_s: float = 0.0

    def wait_ping(self, timeout_s: float) -> float | None:
        """Ask /ping until it says 200; seconds since the start, None if it never does."""
        for _ in poll(self.started_s + timeout_s - time.monotonic(), _POLL_S):
            if self.server.ping().status == 200:  # noqa: PLR2004  # HTTP's own number
                return time.monotonic() - self.started_s
            if not self.is_running():
                return None
        return None

    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return bool(self._state()["Running"])

    def exit_status(self) -> int:
        """With what it ended."""
        return int(self._state()["ExitCode"])

    def terminate(self) -> None:
        """Send SIGTERM to its process 1."""
        self.terminated_s = time.monotonic()
        self._engine("kill", "--signal", "TERM", self.name)

    def wait_end(self, timeout_s: float) -> float | None:
        """Wait for its end; seconds from SIGTERM until then, None if it runs on for so long."""
        for _ in poll(self.terminated_s + timeout_s - time.monotonic(), _POLL_S):
            if not self.is_running():
                return time.monotonic() - self.terminated_s
        return None

    def changes(self) -> list[str]:
        """Paths of the image that it changed, outside of what is its to write."""
        return changed_paths(self._engine("diff", self.name).splitlines())

    def peak_mb(self) -> int | None:
        """Sum of its processes' peaks of resident memory; None if they are not of this machine."""
        peaks = [peak for pid in self._processes() if (peak := _peak_kb(pid)) is not None]
        return sum(peaks) // 1024 if peaks else None

    def oom_kills(self) -> int:
        """How many of its processes were killed for want of memory, as far as can be seen."""
        for path in _memory_events(int(self._state()["Pid"])):
            for line in path.read_text().splitlines():
                name, _, value = line.partition(" ")
                if name == "oom_kill":
                    return int(value)
        return 0

    def log_tail(self) -> str:
        """The last line of stdout and stderr."""
        command = [self.program, "logs", "--tail", "3", self.name]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = (result.stdout + result.stderr).strip().splitlines()
        return lines[-1][:200] if lines else "nothing"

    def _processes(self) -> list[int]:
        found, waiting = [], [int(self._state()["Pid"])]
        while waiting:
            pid = waiting.pop()
            try:
                tasks = list(Path(f"/proc/{pid}/task").iterdir())
                children = [(task / "children").read_text().split() for task in tasks]
            except OSError:
                continue  # it ended meanwhile, or runs elsewhere
            found.append(pid)
            waiting += [int(child) for task in children for child in task]
        return found

    def _state(self) -> dict[str, Any]:
        described = json.loads(self._engine("container", "inspect", self.name))
        state: dict[str, Any] = described[0]["State"]
        return state

    def _engine(self, *args: str) -> str:
        return run_engine(self.program, *args)


def changed_paths(lines: Sequence[str]) -> list[str]:
    """The paths of ``docker diff`` that a container should not have written.

    Args:
        lines: Such as ``A /var/lib/x``: added, changed or deleted.
    """
    paths = [line.partition(" ")[2] for line in lines]

    def is_bystander(line: str, path: str) -> bool:
        """A folder is listed when anything in it changed, or was mounted."""
        inside = (other.startswith(f"{path}/") for other in (*paths, *_NOT_WRITTEN))
        return line.startswith("C") and any(inside)

    return sorted(
        path
        for line, path in zip(lines, paths, strict=True)
        if not any(path == own or path.startswith(f"{own}/") for own in _NOT_WRITTEN)
        and not path.endswith(_CACHES)
        and not is_bystander(line, path)
    )


@contextmanager
def running(setting: Setting, flags: Sequence[str]) -> Iterator[Container]:
    """Run a container as ``IMAGE serve`` until the block ends.

    Raises:
        ContractError: If the engine does not start it.
    """
    number = next(_NUMBERS)
    name = f"contract-{os.getpid()}-{number}"
    limits = ["--memory", f"{setting.memory_mb}m", "--memory-swap", f"{setting.memory_mb}m",
              "--cpus", f"{setting.cpus:g}", "--pids-limit", "1024",
              "--tmpfs", "/tmp:rw,size=512m"]  # fmt: skip  # noqa: S108
    mounts = ["--volume", f"{setting.model.resolve()}:/opt/ml/model:ro"] if setting.model else []
    variables = [f"--env={variable}" for variable in setting.environ]
    program = setting.engine.program
    with reach(choose(setting.network, setting.engine), name) as network:
        command = ["run", "--detach", "--name", name, *network.flags, *limits, *mounts, *variables]
        try:
            started_s = time.monotonic()
            run_engine(program, *command, *flags, setting.image, "serve")
            port = _port(program, name) if network.is_published else _PORT
            yield Container(program, name, Server(network.host, port), setting.memory_mb, started_s)
        finally:
            # podman's removal alone would ask politely, for ten seconds.
            for removal in (["kill", name], ["rm", "--force", name]):
                subprocess.run([program, *removal], capture_output=True, check=False)


def run_engine(program: str, *args: str) -> str:
    """Run Docker or podman; its output.

    Raises:
        ContractError: If it fails.
    """
    try:
        result = subprocess.run(
            [program, *args], capture_output=True, text=True, check=False, timeout=_ENGINE_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        raise EngineError(f"{program} {args[0]}: {err}") from err
    if result.returncode:
        raise ContractError(f"{program} {args[0]}: {result.stderr.strip()[-300:]}")
    return result.stdout


def _port(program: str, name: str) -> int:
    published = run_engine(program, "port", name, str(_PORT)).splitlines()
    return int(published[0].rpartition(":")[2]) if published else _PORT


def _peak_kb(pid: int) -> int | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    rows = [row.split() for row in status.splitlines() if row.startswith("VmHWM:")]
    return int(rows[0][1]) if rows else None


def _memory_events(pid: int) -> Iterator[Path]:
    """Where the kernel counts what it killed in a container (cgroup version 2 or 1)."""
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return
    for group in groups:
        _, controllers, path = group.split(":", 2)
        folder = f"memory{path}" if "memory" in controllers.split(",") else path.lstrip("/")
        for name in ("memory.events", "memory.oom_control"):
            file = Path("/sys/fs/cgroup", folder, name)
            if file.is_file():
                yield file
