# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands ``python -m deploy local serve``, ``view``, ``demo`` and ``rollout``."""

from __future__ import annotations

import argparse
from pathlib import Path

from serving.console import Run

DEFAULT_ARCHIVE = Path("model_store/rooms.mar")
DEFAULT_PORT = 8080
SAMPLE_PLAN = Path("docs/sample/plan.pdf")
_MOST_PORT = 65535


def add_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands and what runs them."""
    serve_parser = commands.add_parser("serve", help="run TorchServe until Ctrl-C")
    serve_parser.add_argument("--archive", type=Path, default=DEFAULT_ARCHIVE)
    serve_parser.add_argument(
        "--port",
        type=_port,
        help=f"inference port; {DEFAULT_PORT} or, where it is taken, a free one",
    )
    serve_parser.set_defaults(run=Run("serving.run:run_serve"))
    view_parser = commands.add_parser("view", help="run a server and the viewer until Ctrl-C")
    view_parser.add_argument("--archive", type=Path, default=DEFAULT_ARCHIVE)
    view_parser.add_argument(
        "view", nargs=argparse.REMAINDER, help="-- and what `roomdet view` takes"
    )
    view_parser.set_defaults(run=Run("serving.run:run_view"))
    demo_parser = commands.add_parser("demo", help="find the rooms of one plan")
    demo_parser.add_argument("--archive", type=Path, default=DEFAULT_ARCHIVE)
    demo_parser.add_argument("--plan", type=Path, default=SAMPLE_PLAN, help="picture or PDF")
    demo_parser.add_argument("--page", type=int, default=1, help="page of a document")
    demo_parser.add_argument("--drawing", type=Path, default=Path("build/demo/rooms.png"))
    demo_parser.set_defaults(run=Run("serving.run_demo:run_demo"))
    rollout_parser = commands.add_parser(
        "rollout", help="put another archive in the place of the one that serves, under load"
    )
    rollout_parser.add_argument("archive", type=Path, help="with a version of its own")
    rollout_parser.add_argument("--port", type=int, help="inference port of the server")
    other = rollout_parser.add_argument_group("a server that `make serve` did not start")
    other.add_argument("--url", default=f"http://127.0.0.1:{DEFAULT_PORT}")
    other.add_argument("--management-url", help="such as http://127.0.0.1:8081")
    other.add_argument("--model-store", help="the folder that it takes archives from")
    rollout_parser.set_defaults(run=Run("serving.run:run_rollout"))


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; allowed: 1 to {_MOST_PORT}")
    return int(text)
