# SPDX-License-Identifier: AGPL-3.0-or-later
"""One running container: asked over HTTP, read, signaled, waited for."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

DEADLINE_S = 240.0  # of a machine that does much else
_POLL_S = 0.1
OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer over HTTP; status 0 and the reason as body if the connection broke."""

    status: int
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The body as JSON."""
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def rooms(self) -> list[dict[str, Any]]:
        """The rooms of a successful answer."""
        assert self.status == 200, self.body
        rooms: list[dict[str, Any]] = self.document["detected_rooms"]
        return rooms


@dataclass(frozen=True, slots=True)
class Container:
    """A container that was started; it may have ended since.

    Attributes:
        program: ``podman`` or ``docker``.
        name: Its name.
        host: Address under which it is reached from here.
        port: Port of the inference API at that address.
        environ: The engine's environment.
        started_s: When it was started, by ``time.monotonic``.
    """

    program: str
    name: str
    host: str
    port: int
    environ: Mapping[str, str] = field(repr=False)
    started_s: float = field(default_factory=time.monotonic)

    def ask(
        self,
        path: str,
        body: bytes | None = None,
        *,
        port: int | None = None,
        timeout_s: float = 60.0,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request: POST with a body, GET without; header names may have _ for -."""
        given = {"Content-Type": OCTETS} if body is not None else {}
        given |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        connection = http.client.HTTPConnection(self.host, port or self.port, timeout=timeout_s)
        with closing(connection):
            try:
                connection.request("GET" if body is None else "POST", path, body, given)
                answer = connection.getresponse()
                return Reply(answer.status, answer.read())
            except (OSError, http.client.HTTPException) as err:
                return Reply(0, repr(err).encode())

    def invoke(self, body: bytes, **headers: str) -> Reply:
        """Send a plan."""
        return self.ask("/invocations", body, headers=headers)

    @contextmanager
    def sending(self, body: bytes) -> Iterator[Callable[[], Reply]]:
        """Send the first half of a plan; what is yielded sends the rest and gives the answer."""
        half = len(body) // 2
        with closing(http.client.HTTPConnection(self.host, self.port, timeout=60)) as connection:
            connection.putrequest("POST", "/invocations")
            connection.putheader("Content-Type", OCTETS)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body[:half])

            def finish() -> Reply:
                connection.send(body[half:])
                answer = connection.getresponse()
                return Reply(answer.status, answer.read())

            yield finish

    def wait_ready(self) -> float:
        """Wait until /ping says 200; seconds since the start."""
        while self.ask("/ping", timeout_s=2).status != 200:
            assert self.is_running(), f"{self.name} ended:\n{self.log_tail()}"
            assert time.monotonic() < self.started_s + DEADLINE_S, self.log_tail()
            time.sleep(_POLL_S)
        return time.monotonic() - self.started_s

    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return bool(self._inspect()["State"]["Running"])

    def wait_end(self) -> int:
        """Wait for its end; its exit status."""
        deadline_s = time.monotonic() + DEADLINE_S
        while self.is_running():
            assert time.monotonic() < deadline_s, f"{self.name} runs on:\n{self.log_tail()}"
            time.sleep(_POLL_S)
        return int(self._inspect()["State"]["ExitCode"])

    def start(self, *command: str) -> None:
        """Start another program in it."""
        self._engine("exec", "--detach", self.name, *command)

    def signal(self, name: str) -> None:
        """Send a signal to process 1."""
        self._engine("kill", "--signal", name, self.name)

    def processes(self) -> dict[int, str]:
        """Command lines by process id as this machine counts them, process 1 first."""
        found: dict[int, str] = {}
        waiting = [int(self._inspect()["State"]["Pid"])]
        while waiting:
            pid = waiting.pop()
            try:
                found[pid] = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
                for thread in Path(f"/proc/{pid}/task").iterdir():
                    waiting.extend(map(int, (thread / "children").read_text().split()))
            except OSError:
                continue  # it ended meanwhile
        return found

    def find_process(self, part: str) -> int:
        """The one process whose command line has a text in it."""
        (pid,) = (pid for pid, line in self.processes().items() if part in line)
        return pid

    def peak_mb(self) -> dict[str, int]:
        """Peak resident memory by program, in MB (10^6 bytes)."""
        peaks: dict[str, int] = {}
        for pid, line in self.processes().items():
            status = Path(f"/proc/{pid}/status").read_text()
            kilobytes = next(row for row in status.splitlines() if row.startswith("VmHWM:"))
            role = next(
                (role for part, role in _ROLES.items() if part in line), line.partition(" ")[0]
            )
            peaks[role] = peaks.get(role, 0) + int(kilobytes.split()[1]) * 1024 // 10**6
        return peaks

    def kill(self, part: str) -> None:
        """Kill the one process whose command line has a text in it."""
        os.kill(self.find_process(part), 9)

    def logs(self) -> list[dict[str, Any]]:
        """The lines on stdout; each must be a JSON object."""
        output = self._engine("logs", self.name).stdout
        return [json.loads(line) for line in output.splitlines()]

    def messages(self) -> str:
        """What the lines on stdout say."""
        return "\n".join(str(entry.get("message", "")) for entry in self.logs())

    def log_tail(self) -> str:
        """The last lines of stdout and stderr."""
        result = self._engine("logs", "--tail", "40", self.name)
        return result.stdout + result.stderr

    def _inspect(self) -> dict[str, Any]:
        (described,) = json.loads(self._engine("container", "inspect", self.name).stdout)
        found: dict[str, Any] = described
        return found

    def _engine(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, *args], env=self.environ, capture_output=True, text=True, check=True
        )


_ROLES = {"ModelServer": "jvm", "endpoints.Main": "jvm", "model_service_worker": "worker"} | {
    "/opt/roomdet/serve": "serve"
}
WORKER, JVM = "model_service_worker", "/opt/java/bin/java"
READER = "roomdet: reads pages"
