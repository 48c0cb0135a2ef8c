# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands ``python -m deploy local …``."""

from __future__ import annotations

import argparse
import json
import signal
import threading
from dataclasses import asdict
from pathlib import Path

from deploy.console import say
from deploy.errors import BadUsage, DeployError
from deploy.local.rollout import roll_out
from deploy.local.running import Place, announce, find_running
from deploy.local.sagemaker import command as sagemaker
from deploy.local.server import DEFAULT_PORT, LocalServerError, is_free, serve
from roomdet_client.errors import ClientError

DEFAULT_ARCHIVE = Path("model_store/rooms.mar")
SAMPLE_PLAN = Path("docs/sample/plan.pdf")
_WATCH_S = 0.5
_MOST_PORT = 65535


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Declare the commands and what runs them."""
    commands = parser.add_subparsers(dest="local_command", required=True)
    serve_parser = commands.add_parser("serve", help="run TorchServe until Ctrl-C")
    serve_parser.add_argument("--archive", type=Path, default=DEFAULT_ARCHIVE)
    serve_parser.add_argument(
        "--port",
        type=_port,
        help=f"inference port; {DEFAULT_PORT} or, where it is taken, a free one",
    )
    serve_parser.set_defaults(run=run_serve)
    view_parser = commands.add_parser("view", help="run a server and the viewer until Ctrl-C")
    view_parser.add_argument("--archive", type=Path, default=DEFAULT_ARCHIVE)
    view_parser.add_argument(
        "view", nargs=argparse.REMAINDER, help="-- and what `roomdet view` takes"
    )
    view_parser.set_defaults(run=run_view)
    demo_parser = commands.add_parser("demo", help="find the rooms of one plan")
    demo_parser.add_argument("--archive", type=Path, default=DEFAULT_ARCHIVE)
    demo_parser.add_argument("--plan", type=Path, default=SAMPLE_PLAN, help="picture or PDF")
    demo_parser.add_argument("--page", type=int, default=1, help="page of a document")
    demo_parser.add_argument("--drawing", type=Path, default=Path("build/demo/rooms.png"))
    demo_parser.set_defaults(run=run_demo)
    rollout_parser = commands.add_parser(
        "rollout", help="put another archive in the place of the one that serves, under load"
    )
    rollout_parser.add_argument("archive", type=Path, help="with a version of its own")
    rollout_parser.add_argument("--port", type=int, help="inference port of the server")
    other = rollout_parser.add_argument_group("a server that `make serve` did not start")
    other.add_argument("--url", default=f"http://127.0.0.1:{DEFAULT_PORT}")
    other.add_argument("--management-url", help="such as http://127.0.0.1:8081")
    other.add_argument("--model-store", help="the folder that it takes archives from")
    rollout_parser.set_defaults(run=run_rollout)
    sagemaker.add_command(
        commands.add_parser("sagemaker", help="SageMaker's calls on this machine, until Ctrl-C")
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; allowed: 1 to {_MOST_PORT}")
    return int(text)


def run_serve(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C, SIGTERM or the end of the server; 0 after a wanted stop."""
    port = args.port or (DEFAULT_PORT if is_free(DEFAULT_PORT) else None)
    if args.port and not is_free(args.port):
        return _fail(f"port {args.port} is taken")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    try:
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
                    return _fail(f"TorchServe ended by itself:\n{server.log_tail()}")
            say("Stopping …")
    except LocalServerError as err:
        return _fail(str(err))
    return 0


def run_demo(args: argparse.Namespace) -> int:
    """Find the rooms of one plan; 0 when rooms were answered."""
    from deploy.local.demo import demo  # noqa: PLC0415  # draws, which the other commands do not

    try:
        demo(args.archive, args.plan, args.drawing, args.page)
    except (LocalServerError, ClientError, OSError) as err:
        return _fail(str(err))
    except KeyboardInterrupt:
        return _fail("interrupted")
    return 0


def run_view(args: argparse.Namespace) -> int:
    """Serve, and show plans with their rooms in the browser, until Ctrl-C."""
    from roomdet_client.cli import main as roomdet  # noqa: PLC0415  # as above

    try:
        with serve(args.archive) as server:
            say(f"Starting TorchServe; its log: {server.log}")
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            server.wait_ready()
            given = args.view[1:] if args.view[:1] == ["--"] else args.view
            return roomdet(["view", "--url", server.url, *given])
    except LocalServerError as err:
        return _fail(str(err))
    except KeyboardInterrupt:
        return 0


def run_rollout(args: argparse.Namespace) -> int:
    """Replace the version that serves; 0 when the new one does, 1 when not, 2 for bad usage."""
    try:
        outcome = roll_out(args.archive, _place(args), say)
    except BadUsage as err:
        _fail(str(err))
        return 2
    except DeployError as err:
        return _fail(str(err))
    except KeyboardInterrupt:
        return _fail("interrupted; the same command goes on with it")
    print(json.dumps(asdict(outcome)))
    return 0


def _place(args: argparse.Namespace) -> Place:
    if bool(args.management_url) != bool(args.model_store):
        raise BadUsage("--management-url and --model-store go together")
    if not args.management_url:
        return find_running(args.port)
    return Place(args.url.rstrip("/"), args.management_url.rstrip("/"), args.model_store)


def _fail(reason: str) -> int:
    say(f"error: {reason}")
    return 1
