# SPDX-License-Identifier: AGPL-3.0-or-later
"""The image's process 1 in namespaces of its own, with the image's folders but without an image.

What the Dockerfile copies lies where the image has it, everything is read-only but a small /tmp,
and process 1 is process 1. Needs root and Linux, as tests/image does; nothing outside the
namespaces changes.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from serving.polling import poll
from serving.server import java_environment
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TMP_MB = 64
END_S = 60.0
_POLL_S = 0.05
_PORTS = 6  # inference, and a range of more than four
WORKER, JVM, READER = "model_service_worker", "/opt/java/bin/java", "roomdet: reads pages"
# /run/box is where a fault leaves what the server is to see: a clock, a resolver.
_FURNISH = """set -e
hostname box
mount -t tmpfs -o mode=755 box /opt
mkdir -p /opt/java /opt/venv /opt/ml/model
mount --bind "$JAVA" /opt/java
mount --bind "$VENV" /opt/venv
cp -r "$ROOT/docker" /opt/roomdet
cp "$ROOT/config.properties" /opt/roomdet/
cp "$ARCHIVE" /opt/ml/model/rooms.mar
mount -o remount,ro /opt
mount -t tmpfs -o mode=755 box /run
mkdir /run/box
mount -t tmpfs -o size="$TMP_MB"m,mode=1777 tmp /tmp
mount -o remount,bind,ro /
cd /
echo furnished
exec sleep infinity
"""
_START = """[ -z "$CGROUP" ] || echo $$ > "$CGROUP/cgroup.procs"
cd /tmp
exec unshare --pid --fork --kill-child --mount-proc -- "$@"
"""


@dataclass
class Served:
    """A process 1 that was started in a box.

    Attributes:
        process: ``unshare``, whose only child it is.
        port: Of the inference API.
        log: Its standard output: a JSON object in each line.
        started_s: By ``time.monotonic``.
    """

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    started_s: float = field(default_factory=time.monotonic)

    @property
    def pid(self) -> int:
        """Of process 1, as this machine counts."""
        for _ in poll(END_S, _POLL_S):
            if children := psutil.Process(self.process.pid).children():
                return children[0].pid
        raise AssertionError(self.tail())

    def find(self, part: str) -> list[int]:
        """The processes below it whose command line has a text in it."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if part in " ".join(process.cmdline()):
                    found.append(process.pid)
        return found

    def kill(self, part: str) -> None:
        """Kill them with SIGKILL."""
        for pid in self.find(part):
            os.kill(pid, signal.SIGKILL)

    def run(self, command: str) -> None:
        """Run a shell's command with what it sees of the disks, which is a copy of the box's.

        Raises:
            CalledProcessError: If it fails.
        """
        spaces = f"--mount=/proc/{self.pid}/ns/mnt"
        subprocess.run(["nsenter", spaces, "--", "sh", "-c", command], check=True)

    def stop(self) -> None:
        """Send SIGTERM to process 1."""
        os.kill(self.pid, signal.SIGTERM)

    def wait_end(self) -> int:
        """Its exit status; the negative number of the signal that ended it."""
        return self.process.wait(END_S)

    def entries(self, since: int = 0) -> list[dict[str, Any]]:
        """Lines of the log from a line on; what is no JSON is the message of one."""
        found = []
        for line in self.log.read_text("utf-8", "replace").splitlines()[since:]:
            try:
                found.append(json.loads(line))
            except ValueError:
                found.append({"level": "ERROR", "message": f"no JSON: {line}"})
        return found

    def tail(self) -> str:
        """The last lines of the log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-20:])


@dataclass
class Box:
    """Namespaces with the image's folders, in which process 1 is started once or several times.

    Attributes:
        holder: A process that does nothing in them.
        folder: Of logs, outside.
        served: Who was started.
    """

    holder: subprocess.Popen[bytes]
    folder: Path
    served: list[Served] = field(default_factory=list)

    def run(self, command: str) -> str:
        """What a shell's command prints in the box.

        Raises:
            CalledProcessError: If it fails.
        """
        result = subprocess.run(
            [*self._enter(), "sh", "-c", command], check=True, capture_output=True, text=True
        )
        return result.stdout

    def start(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        port: int | None = None,
        cgroup: Path | None = None,
        is_log_read: bool = True,
    ) -> Served:
        """Start process 1 as the image does.

        Args:
            environ: Variables beside those that are needed.
            port: The first of six in a row; None takes free ones.
            cgroup: Where it is to be counted.
            is_log_read: Otherwise its output is a pipe that nobody reads.
        """
        port = port or free_ports()
        log = self.folder / f"{len(self.served)}.log"
        variables = {
            "PATH": "/opt/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "SAGEMAKER_BIND_TO_PORT": str(port),
            "SAGEMAKER_SAFE_PORT_RANGE": f"{port + 1}-{port + _PORTS - 1}",
            "CGROUP": str(cgroup or ""),
        }
        program = ("/opt/venv/bin/python", "/opt/roomdet/serve", "serve")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*self._enter(), "sh", "-c", _START, "sh", *program],
                env=variables | dict(environ or {}),
                stdout=output if is_log_read else subprocess.PIPE,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )
        self.served.append(Served(process, port, log))
        return self.served[-1]

    def _enter(self) -> list[str]:
        spaces = Path(f"/proc/{self.holder.pid}/ns")
        return ["nsenter", f"--mount={spaces}/mnt", f"--uts={spaces}/uts", "--"]


@contextmanager
def open_box(archive: Path, folder: Path, *, tmp_mb: int = TMP_MB) -> Iterator[Box]:
    """A box until the block ends, and with it all that was started in it.

    Args:
        archive: What SageMaker would unpack into ``/opt/ml/model``.
        folder: For logs.
        tmp_mb: Size of ``/tmp``.

    Raises:
        RuntimeError: If this machine cannot make one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    environ = {
        "ROOT": str(ROOT),
        "VENV": str(Path(sys.prefix).resolve()),
        "JAVA": java_environment()["JAVA_HOME"],
        "ARCHIVE": str(archive.resolve()),
        "TMP_MB": str(tmp_mb),
    }
    holder = subprocess.Popen(
        ["unshare", "--mount", "--uts", "--propagation", "private", "sh", "-c", _FURNISH],
        env=os.environ | environ,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    box = Box(holder, folder)
    try:
        if holder.stdout.readline() != b"furnished\n":
            raise RuntimeError("namespaces cannot be made: Linux and root are needed")
        yield box
    finally:
        for served in box.served:
            served.process.kill()  # --kill-child: process 1 and so all others end with it
            served.process.wait()
            if served.process.stdout:
                served.process.stdout.close()
        holder.kill()
        holder.wait()
        holder.stdout.close()


def free_ports() -> int:
    """The first of six ports in a row that nothing listens on."""
    for first in range(21_000 + os.getpid() % 1000 * 8, 60_000, 8):
        with suppress(OSError):
            for port in range(first, first + _PORTS):
                with closing(socket.socket()) as probe:
                    probe.bind(("127.0.0.1", port))
            return first
    raise RuntimeError("no six free ports in a row")
