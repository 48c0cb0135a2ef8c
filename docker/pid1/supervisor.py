# SPDX-License-Identifier: AGPL-3.0-or-later
"""TorchServe as a child process: started, watched, drained and ended.

Signals are not handled but waited for, so everything happens in one thread, in one order.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pid1.connections import has_open_connection
from pid1.errors import ServerDied, StartError
from pid1.health import Ping, ping
from pid1.logs import Relay, log

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
# The JVM answers SIGQUIT with a dump of its threads on stdout.
_WAITED_FOR = _STOP_SIGNALS | {signal.SIGQUIT, signal.SIGCHLD}
# Python ignores these; a child would inherit that.
_DEFAULT_AGAIN = (signal.SIGPIPE, signal.SIGXFSZ)
_MOST_RETRIES = 2  # of a worker that has never been ready
_END_LOOK_S = 0.1
_KILLED_S = 2.0  # for the kernel to clear away what was killed


def hold_signals() -> None:
    """Keep signals until they are waited for; process 1 would never get SIGTERM otherwise."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds.

    Attributes:
        start_s: The longest that the server may be unhealthy.
        look_s: Between two looks at a server that starts or drains.
        watch_s: Between two looks at a server that serves.
        drain_s: The longest wait for requests after SIGTERM. SageMaker kills after 30 s.
        sending_s: The longest wait for a connected client to send a request, while none is in
            flight; a connection that is kept open for later cannot be told from one in use.
        end_s: What the JVM gets to end itself before it is killed; nothing is in flight then.
    """

    start_s: float = 180.0
    look_s: float = 0.5
    watch_s: float = 5.0
    drain_s: float = 25.0
    sending_s: float = 5.0
    end_s: float = 2.0


@dataclass(slots=True)
class Supervisor:
    """Runs one server until a stop is asked for or the server fails; see :func:`hold_signals`.

    Attributes:
        command: The server's program and arguments.
        environ: Its environment.
        folder: Its working directory.
        port: Where it answers ``/ping``.
        stop_file: Made when a stop begins, so that ``/ping`` says 503 from then on.
        timing: How long to wait for what.
        on_ready: Called once, when the server first says that it is healthy.
    """

    command: list[str]
    environ: Mapping[str, str]
    folder: Path
    port: int
    stop_file: Path
    timing: Timing
    on_ready: Callable[[], None]
    _server: int = 0  # process id; 0 when it has ended
    _group: int = 0  # process group of the server and its workers
    _ended: str = ""  # how the server ended

    def run(self) -> None:
        """Serve until a stop signal has come and nothing is in flight.

        Raises:
            StartError: If the program cannot be started or the model does not load.
            ServerDied: If the server ends by itself or is unhealthy for too long.
        """
        relay = self._start()
        try:
            self._watch(relay)
            self._drain()
        finally:
            self._end()
            relay.join(timeout=1.0)

    def _start(self) -> Relay:
        read_end, write_end = os.pipe()
        os.chdir(self.folder)
        try:
            self._server = os.posix_spawn(
                self.command[0],
                self.command,
                self.environ,
                file_actions=[(os.POSIX_SPAWN_DUP2, write_end, 1)],
                setpgroup=0,
                setsigmask=[],
                setsigdef=_DEFAULT_AGAIN,
            )
        except OSError as err:
            raise StartError(f"{self.command[0]} cannot be started: {err.strerror}") from err
        finally:
            os.close(write_end)
        self._group = self._server
        relay = Relay(os.fdopen(read_end, "rb"))
        relay.start()
        return relay

    def _watch(self, relay: Relay) -> None:
        """Return when a stop is asked for; raise when the server fails."""
        started_s = healthy_s = time.monotonic()
        is_ready = False
        while not self._wait(self.timing.watch_s if is_ready else self.timing.look_s):
            self._raise_if_ended(relay)
            now_s, answer = time.monotonic(), ping(self.port)
            if answer.is_healthy:
                healthy_s = now_s
                if not is_ready:
                    is_ready = True
                    log(f"ready {now_s - started_s:.1f} s after the start")
                    self.on_ready()
            elif now_s - healthy_s > self.timing.start_s:
                raise ServerDied(f"not healthy for {now_s - healthy_s:.0f} s: {answer.text}")
            if not is_ready and relay.retries >= _MOST_RETRIES:
                raise StartError("the worker ended again while it loaded; the log above says why")

    def _raise_if_ended(self, relay: Relay) -> None:
        if relay.refusal:
            raise StartError(f"the model does not load: {relay.refusal}")
        if not self._server:
            raise ServerDied(f"TorchServe {self._ended}")

    def _drain(self) -> None:
        """Let requests be answered until none is in flight or arrives, or time is up."""
        now_s = started_s = time.monotonic()
        try:
            self.stop_file.touch()
            said = "/ping says 503 from now on"
        except OSError as err:  # the disk is full, say; that must not lose a request
            said = f"/ping goes on as before: {self.stop_file}: {err.strerror}"
        log(f"stopping: {said}; requests are answered until none is in flight")
        idle_since_s: float | None = None
        answer = Ping(is_healthy=False, in_flight=None, text="not asked")
        while (left_s := started_s + self.timing.drain_s - time.monotonic()) > 0:
            # A server that hangs must not take what is left until SageMaker kills.
            answer, now_s = ping(self.port, left_s), time.monotonic()
            if answer.in_flight != 0:
                idle_since_s = None
            elif idle_since_s is None:
                idle_since_s = now_s
            elif self._is_over(now_s - idle_since_s):
                log(f"nothing in flight {now_s - started_s:.1f} s after the signal")
                return
            self._wait(self.timing.look_s)
            if not self._server:
                raise ServerDied(f"TorchServe {self._ended} while requests were drained")
        waited_s = time.monotonic() - started_s
        log(f"stopping after {waited_s:.0f} s all the same: {answer.text}", "WARNING")

    def _is_over(self, idle_s: float) -> bool:
        """Whether nothing will come any more; a client that is connected may be sending."""
        return idle_s >= self.timing.sending_s or not has_open_connection(self.port)

    def _wait(self, timeout_s: float) -> bool:
        """Wait for a signal or for time to pass; whether a stop is asked for."""
        received = signal.sigtimedwait(_WAITED_FOR, timeout_s)
        if received is None:
            return False
        if received.si_signo == signal.SIGCHLD:
            self._reap()
        elif received.si_signo == signal.SIGQUIT and self._server:
            os.kill(self._server, signal.SIGQUIT)
        return received.si_signo in _STOP_SIGNALS

    def _reap(self) -> bool:
        """Collect every child that has ended, also those that were left to process 1.

        Returns:
            Whether children are left.
        """
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if not pid:
                return True
            if pid == self._server:
                code = os.waitstatus_to_exitcode(status)
                self._server = 0
                self._ended = (
                    f"was killed by {signal.Signals(-code).name}"
                    if code < 0
                    else f"ended by itself with status {code}"
                )

    def _end(self) -> None:
        """End the JVM and its workers; none of them is left, nor a zombie of them."""
        deadline_s = time.monotonic() + self.timing.end_s
        if self._server:
            os.kill(self._server, signal.SIGTERM)
        while self._server and time.monotonic() < deadline_s:
            self._wait(_END_LOOK_S)
        with suppress(ProcessLookupError):
            os.killpg(self._group, signal.SIGKILL)
        deadline_s = time.monotonic() + _KILLED_S
        while self._reap() and time.monotonic() < deadline_s:
            signal.sigtimedwait({signal.SIGCHLD}, _END_LOOK_S)
