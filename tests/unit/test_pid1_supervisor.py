# SPDX-License-Identifier: AGPL-3.0-or-later
"""Process 1 starts, watches, drains and ends a server; a small real one stands for TorchServe."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from pid1.health import ping
from serving.server import Ports
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DEADLINE_S = 30.0


class Run:
    """Process 1 with its server, and what it has written so far."""

    def __init__(self, folder: Path, behavior: str, *, is_read: bool = True) -> None:
        self.port = Ports.free().inference
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.pid1_server", "supervise", str(self.port), behavior],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'docker'}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines: list[dict[str, Any]] = []
        self.bare: list[str] = []  # lines that were cut, where nobody read
        self._is_all_read = is_read
        self._reader = threading.Thread(target=self._read, daemon=True)
        if is_read:
            self.read()

    def read(self) -> None:
        """Begin to read what it writes."""
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            try:
                self.lines.append(json.loads(line))  # each is a JSON object, whoever wrote it
            except ValueError:
                if self._is_all_read:
                    raise
                self.bare.append(line)

    @property
    def messages(self) -> list[str]:
        """What the lines say."""
        return [str(line["message"]) for line in self.lines]

    def wait_for(self, text: str) -> str:
        """The first message with a text in it."""
        deadline_s = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline_s:
            for message in list(self.messages):
                if text in message:
                    return message
            time.sleep(0.02)
        raise AssertionError(f"{text!r} was not said: {self.messages}")

    def end(self) -> int:
        """Wait for process 1; its exit status."""
        status = self.process.wait(timeout=DEADLINE_S)
        self.close()
        return status

    def close(self) -> None:
        """Read what is left of the output."""
        self._reader.join(timeout=DEADLINE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def post(self) -> int:
        """The status of one request, which takes a second."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/invocations", b"x")
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
            return int(answer.status)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Run]]:
    """Start process 1 with a server of some behavior; end what the test leaves."""
    runs: list[Run] = []

    def start_run(behavior: str) -> Run:
        runs.append(Run(tmp_path, behavior))
        return runs[-1]

    yield start_run
    for run in runs:
        left = children(run.process.pid) if run.process.poll() is None else []
        run.process.kill()
        run.process.wait()
        for server in left:
            with suppress(ProcessLookupError):
                os.kill(server, signal.SIGKILL)
        run.close()
        for message in run.messages:
            if message.startswith("worker ") and is_alive(int(message.split()[1])):
                os.kill(int(message.split()[1]), signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def is_gone(pid: int) -> bool:
    """Whether a process ends soon: what was killed is not gone at once."""
    deadline_s = time.monotonic() + DEADLINE_S
    while is_alive(pid) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    return not is_alive(pid)


def test_requests_in_flight_and_arriving_are_answered(start: Callable[[str], Run]) -> None:
    """After SIGTERM /ping says 503, three requests end and three more come; then it stops."""
    run = start("normal")
    run.wait_for("ready")
    worker = int(run.wait_for("worker").split()[1])
    with ThreadPoolExecutor(6) as pool:
        accepted = [pool.submit(run.post) for _ in range(3)]
        while ping(run.port).in_flight != 3:
            time.sleep(0.02)
        run.process.send_signal(signal.SIGTERM)
        run.wait_for("stopping")
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"http://127.0.0.1:{run.port}/ping", timeout=DEADLINE_S)
        arriving = [pool.submit(run.post) for _ in range(3)]
        statuses = [future.result() for future in accepted + arriving]

    assert run.end() == 0
    assert [200] * 6 == statuses
    assert "on_ready was called" in run.messages
    assert any("nothing in flight" in message for message in run.messages)
    assert is_gone(worker)


def test_a_request_that_never_ends_does_not_hold_it_up(start: Callable[[str], Run]) -> None:
    """After the longest wait the server is ended all the same, and that is said."""
    run = start("stuck")
    run.wait_for("ready")
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(run.post)
        while ping(run.port).in_flight != 1:
            time.sleep(0.02)
        run.process.send_signal(signal.SIGTERM)

        assert run.end() == 0
        with pytest.raises(OSError, match=r"Remote end closed|reset"):
            lost.result()
    assert any('all the same: {"in_flight": 1}' in text for text in run.messages)


def test_a_server_that_hangs_does_not_hold_it_up(start: Callable[[str], Run]) -> None:
    """The patience with its /ping is not added to the longest wait, of 5 s here."""
    run = start("hangs")
    run.wait_for("ready")
    (server,) = children(run.process.pid)

    os.kill(server, signal.SIGSTOP)
    run.process.send_signal(signal.SIGTERM)

    assert run.end() == 0
    assert any("stopping after 5 s all the same: timed out" in text for text in run.messages)


def test_a_body_that_still_arrives_is_answered(start: Callable[[str], Run]) -> None:
    """It is not in flight yet; that its client is connected keeps the server up."""
    run = start("normal")
    run.wait_for("ready")
    with socket.create_connection(("127.0.0.1", run.port), timeout=DEADLINE_S) as client:
        client.sendall(b"POST /invocations HTTP/1.0\r\nContent-Length: 2\r\n\r\nx")
        time.sleep(0.1)
        run.process.send_signal(signal.SIGTERM)
        run.wait_for("stopping")
        time.sleep(1.0)
        client.sendall(b"y")

        assert b" 200 " in client.recv(4096)
    assert run.end() == 0


def test_an_idle_connection_does_not_hold_it_up_for_long(start: Callable[[str], Run]) -> None:
    """A client that keeps its connection for later gets a while, not the whole time."""
    run = start("normal")
    run.wait_for("ready")
    with socket.create_connection(("127.0.0.1", run.port), timeout=DEADLINE_S):
        time.sleep(0.1)
        run.process.send_signal(signal.SIGTERM)

        assert run.end() == 0
    message = next(text for text in run.messages if "nothing in flight" in text)
    assert 2.0 <= float(message.split()[3]) < 6.0


@pytest.mark.parametrize(
    ("behavior", "told"),
    [
        ("ends", "TorchServe ended by itself with status 3"),
        ("killed", "TorchServe was killed by SIGKILL"),
        ("refuses", "the model does not load: network.bin is missing"),
        ("does not load", "the model does not load: rooms.mar: IOException: full"),
        ("retries", "the worker ended again while it loaded"),
        ("never healthy", "not healthy for"),
    ],
)
def test_a_server_that_fails_ends_the_container(
    start: Callable[[str], Run], behavior: str, told: str
) -> None:
    """The status is 1, the last line has the reason, and no process is left."""
    run = start(behavior)

    assert run.end() == 1
    assert told in run.messages[-1]
    for message in run.messages:
        if message.startswith("worker "):
            assert is_gone(int(message.split()[1]))


def test_a_server_killed_while_it_serves_ends_the_container(start: Callable[[str], Run]) -> None:
    """No container runs with a dead server."""
    run = start("normal")
    run.wait_for("ready")
    (server,) = children(run.process.pid)

    os.kill(server, signal.SIGKILL)

    assert run.end() == 1
    assert "TorchServe was killed by SIGKILL" in run.messages[-1]


def test_a_server_that_ignores_sigterm_is_killed(start: Callable[[str], Run]) -> None:
    """A stop is clean all the same: nothing was in flight."""
    run = start("ignores SIGTERM")
    run.wait_for("ready")
    (server,) = children(run.process.pid)

    run.process.send_signal(signal.SIGTERM)

    assert run.end() == 0
    assert is_gone(server)


def test_a_stop_that_cannot_be_marked_loses_no_request(
    start: Callable[[str], Run], tmp_path: Path
) -> None:
    """The disk is full, or somebody cleared it: /ping cannot turn, the rest goes its way."""
    (tmp_path / "stop").symlink_to(tmp_path / "gone" / "stop")
    run = start("normal")
    run.wait_for("ready")
    with ThreadPoolExecutor(1) as pool:
        accepted = pool.submit(run.post)
        while ping(run.port).in_flight != 1:
            time.sleep(0.02)
        run.process.send_signal(signal.SIGTERM)

        assert run.end() == 0
        assert accepted.result() == 200
    assert any("/ping goes on as before" in message for message in run.messages)


def test_a_log_that_nobody_reads_holds_nobody_up(tmp_path: Path) -> None:
    """Lines are lost, and counted for who reads on; a line that was cut has an end."""
    run = Run(tmp_path, "talks", is_read=False)
    try:
        deadline_s = time.monotonic() + DEADLINE_S
        while not ping(run.port).is_healthy:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        assert run.post() == 200
    finally:
        run.read()
        run.process.send_signal(signal.SIGTERM)

    assert run.end() == 0
    lost = next(text for text in run.messages if "lines of the log were lost" in text)
    assert int(lost.split()[0]) + run.messages.index(lost) >= 2000
    assert any("stopping" in text for text in run.messages)
    assert len(run.bare) <= 1


def test_a_stop_during_the_start_is_clean(start: Callable[[str], Run]) -> None:
    """Nothing can have been accepted yet."""
    run = start("starts slowly")
    run.wait_for("worker")

    run.process.send_signal(signal.SIGTERM)

    assert run.end() == 0


def test_a_stop_while_the_program_is_imported_is_kept(tmp_path: Path) -> None:
    """The kernel would throw it away, and the container would run until it is killed."""
    shutil.copy(ROOT / "docker" / "serve", tmp_path)
    (tmp_path / "pid1").mkdir()
    (tmp_path / "pid1" / "__init__.py").touch()  # else the real package goes first, wherever it is
    (tmp_path / "pid1" / "program.py").write_text(
        "import os, signal\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "def main(*_): return 0 if signal.SIGTERM in signal.sigpending() else 1\n"
    )

    result = subprocess.run([sys.executable, tmp_path / "serve", "serve"], check=False)

    assert result.returncode == 0


def test_sigquit_is_passed_on(start: Callable[[str], Run]) -> None:
    """The JVM dumps its threads; what is no JSON becomes the message of a line."""
    run = start("normal")
    run.wait_for("ready")

    run.process.send_signal(signal.SIGQUIT)

    run.wait_for("all my threads")
    assert {"level": "INFO", "message": "as JSON"} in run.lines


def children(pid: int) -> list[int]:
    """The children of a process."""
    with open(f"/proc/{pid}/task/{pid}/children") as listing:  # noqa: PTH123
        return [int(child) for child in listing.read().split()]
