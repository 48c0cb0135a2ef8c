# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands ``python -m deploy local serve``, ``view``, ``demo`` and ``rollout``."""

from __future__ import annotations

import argparse
from pathlib import Path

from serving.console import Commands, Parser, Run, add_command, seconds_below

DEFAULT_ARCHIVE = Path("model_store/rooms.mar")
DEFAULT_PORT = 8080
SAMPLE_PLAN = Path("docs/sample/plan.pdf")
_MOST_PORT = 65535
_MOST_WATCH_S = 86_400
_MAKE = "make archive"  # what these need is what packs an archive


def add_commands(commands: Commands[Parser]) -> None:
    """Declare the commands and what runs them."""
    serve_parser = add_command(
        commands, "serve", "run TorchServe until Ctrl-C", Run("serving.run:run_serve", _MAKE),
        examples=("local serve --port 9000",),
    )  # fmt: skip
    serve_parser.add_argument("--archive", type=Path, default=DEFAULT_ARCHIVE, help="what serves")
    serve_parser.add_argument(
        "--port",
        type=_port,
        help=f"inference port; default: {DEFAULT_PORT} or, where it is taken, a free one",
    )
    view_parser = add_command(
        commands, "view", "run a server and the viewer until Ctrl-C",
        Run("serving.run:run_view", _MAKE), examples=("local view -- my-drawings",),
    )  # fmt: skip
    view_parser.add_argument("--archive", type=Path, default=DEFAULT_ARCHIVE, help="what serves")
    view_parser.add_argument(
        "view", nargs=argparse.REMAINDER, help="-- and what `roomdet view` takes"
    )
    demo_parser = add_command(
        commands, "demo", "find the rooms of one plan", Run("serving.run_demo:run_demo", _MAKE),
        examples=("local demo --plan my.pdf --page 2",),
    )  # fmt: skip
    demo_parser.add_argument("--archive", type=Path, default=DEFAULT_ARCHIVE, help="what serves")
    demo_parser.add_argument("--plan", type=Path, default=SAMPLE_PLAN, help="picture or PDF")
    demo_parser.add_argument("--page", type=int, default=1, help="page of a document")
    demo_parser.add_argument(
        "--drawing", type=Path, default=Path("build/demo/rooms.png"), help="what is written"
    )
    rollout_parser = add_command(
        commands,
        "rollout",
        "put another archive in the place of the one that serves, under load",
        Run("serving.run:run_rollout", _MAKE),
        examples=("local rollout rooms-1.2.mar",),
    )
    rollout_parser.add_argument("archive", type=Path, help="with a version of its own")
    _add_place(rollout_parser)
    rollback_parser = add_command(
        commands,
        "rollback",
        "let a version serve again that a rollout has replaced",
        Run("serving.run:run_rollback", _MAKE),
        about="The version that is left is forgotten: a second rollback goes back further.",
        examples=("local rollback", "local rollback --to 1.1"),
    )
    rollback_parser.add_argument("--to", default="", help="a version; default: the one before")
    _add_place(rollback_parser)


def _add_place(parser: argparse.ArgumentParser) -> None:
    """Declare which server it is, and how long both versions are kept."""
    parser.add_argument(
        "--watch-s", type=seconds_below(_MOST_WATCH_S), default=20.0, metavar="SECONDS",
        help="how long real requests are watched, and the version before is kept to go back to",
    )  # fmt: skip
    parser.add_argument(
        "--port",
        type=int,
        help="inference port; default: the one `make serve` or `make view` of this checkout",
    )
    other = parser.add_argument_group("a server that `make serve` did not start")
    other.add_argument("--url", default=f"http://127.0.0.1:{DEFAULT_PORT}", help="of inference")
    other.add_argument("--management-url", help="such as http://127.0.0.1:8081")
    other.add_argument("--model-store", help="the folder that it takes archives from")


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; allowed: 1 to {_MOST_PORT}")
    return int(text)
