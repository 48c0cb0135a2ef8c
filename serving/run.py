# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the commands ``serve``, ``view``, ``rollout`` and ``rollback`` of ``local`` do."""

from __future__ import annotations

import json
import signal
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING

from roomdet_client.cli import main as roomdet
from serving.commands import DEFAULT_PORT, SAMPLE_PLAN
from serving.console import say, tell
from serving.errors import BadUsage, LocalServerError
from serving.rollout import roll_back, roll_out
from serving.running import Place, announce, find_running
from serving.server import is_free, serve

if TYPE_CHECKING:
    import argparse

_WATCH_S = 0.5


def run_serve(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C, SIGTERM or the end of the server; 0 after a wanted stop."""
    port = args.port or (DEFAULT_PORT if is_free(DEFAULT_PORT) else None)
    if args.port and not is_free(args.port):
        raise LocalServerError(f"port {args.port} is taken")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    with serve(args.archive, port=port) as server:
        say(f"Starting TorchServe; its log: {server.log}")
        server.wait_ready(stop=stop)
        if not stop.is_set():
            announce(server)
            say(
                f"Ready. Send a plan:\n\n"
                f"  curl --data-binary @{SAMPLE_PLAN} "
                f"-H 'Content-Type: application/octet-stream' {server.url}/invocations\n\n"
                f"Management API: {server.management_url}   Ctrl-C stops."
            )
        while not stop.wait(_WATCH_S):
            if server.process.poll() is not None:
                raise LocalServerError(f"TorchServe ended by itself:\n{server.log_tail()}")
        say("Stopping …")
    return 0


def run_view(args: argparse.Namespace) -> int:
    """Serve, and show plans with their rooms in the browser, until Ctrl-C."""
    given = args.view[1:] if args.view[:1] == ["--"] else args.view
    with serve(args.archive) as server:
        say(f"Starting TorchServe; its log: {server.log}")
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            server.wait_ready()
            announce(server)
            return roomdet(["view", "--url", server.url, *given])
        except KeyboardInterrupt:
            return 0


def run_rollout(args: argparse.Namespace) -> int:
    """Replace the version that serves; 0 when the new one does."""
    outcome = roll_out(args.archive, _place(args), say, watch_s=args.watch_s)
    tell(json.dumps(asdict(outcome)))
    return 0


def run_rollback(args: argparse.Namespace) -> int:
    """Let a version of before serve again; 0 when it does."""
    tell(json.dumps(asdict(roll_back(_place(args), say, args.to, watch_s=args.watch_s))))
    return 0


def _place(args: argparse.Namespace) -> Place:
    if bool(args.management_url) != bool(args.model_store):
        raise BadUsage("--management-url and --model-store go together")
    if not args.management_url:
        return find_running(args.port)
    return Place(args.url.rstrip("/"), args.management_url.rstrip("/"), args.model_store)
