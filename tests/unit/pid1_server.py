# SPDX-License-Identifier: AGPL-3.0-or-later
"""A small real server with the endpoint plugin's /ping, and process 1 above it.

``python -m tests.unit.pid1_server supervise PORT BEHAVIOR`` runs process 1 with
``python -m tests.unit.pid1_server serve PORT BEHAVIOR`` as the server's program.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pid1.errors import ServeError
from pid1.logs import log
from pid1.supervisor import Supervisor, Timing, hold_signals

SLOW_S = 1.0
STOP_FILE = "stop"
UNHEALTHY = {"never healthy", "starts slowly", "refuses", "does not load", "retries"}


class Handler(BaseHTTPRequestHandler):
    """/ping as the plugin answers it, and /invocations, which takes a second."""

    behavior = ""
    lock = threading.Lock()
    in_flight = 0

    def do_GET(self) -> None:
        """Say 503 as soon as the stop file exists."""
        healthy = not Path(STOP_FILE).exists() and self.behavior not in UNHEALTHY
        self._answer(200 if healthy else 503, {"in_flight": Handler.in_flight})

    def do_POST(self) -> None:
        """Answer after a second, or never; in flight is what has arrived whole."""
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock:
            Handler.in_flight += 1
        time.sleep(3600 if self.behavior == "stuck" else SLOW_S)
        self._answer(200, {"status": "success"})
        with self.lock:
            Handler.in_flight -= 1

    def _answer(self, status: int, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep stdout and stderr for what is tested."""


def serve(port: int, behavior: str) -> None:
    """Serve until SIGTERM, unless the behavior says otherwise."""
    if behavior == "ends":
        sys.exit(3)
    if behavior == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    worker = subprocess.Popen(["sleep", "3600"])  # a worker, which ends with nobody
    print(f"worker {worker.pid}", flush=True)
    print('{"level": "INFO", "message": "as JSON"}', flush=True)
    if behavior == "talks":  # more than two pipes hold, the one to process 1 and the one from it
        print("\n".join("x" * 200 for _ in range(2000)), flush=True)
    if behavior == "refuses":
        print("W-9000 The room detector refuses to start: network.bin is missing", flush=True)
    if behavior == "does not load":
        entry = {
            "message": "Failed to load model: rooms.mar",
            "trace": " IOException: full\n\tat x",
        }
        print(json.dumps(entry), flush=True)
    if behavior == "retries":
        print("Retry worker: 9000 in 1 seconds.\nRetry worker: 9000 in 1 seconds.", flush=True)
    if behavior == "ignores SIGTERM":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, lambda *_: print("all my threads", flush=True))
    Handler.behavior = behavior
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def supervise(port: int, behavior: str) -> int:
    """Be process 1 above this module's server, in the current folder."""
    hold_signals()
    start_s = 2.0 if behavior == "never healthy" else 60.0
    drain_s = 5.0 if behavior == "hangs" else 6.0
    supervisor = Supervisor(
        command=[sys.executable, "-m", "tests.unit.pid1_server", "serve", str(port), behavior],
        environ=os.environ,
        folder=Path.cwd(),
        port=port,
        stop_file=Path.cwd() / STOP_FILE,
        timing=Timing(start_s, look_s=0.1, watch_s=0.2, drain_s=drain_s, sending_s=2.0, end_s=1.0),
        on_ready=lambda: log("on_ready was called"),
    )
    try:
        supervisor.run()
    except ServeError as err:
        log(str(err), "ERROR")
        return err.exit_status
    return 0


if __name__ == "__main__":
    role, port_text, behavior = sys.argv[1:]
    sys.exit((supervise if role == "supervise" else serve)(int(port_text), behavior))
