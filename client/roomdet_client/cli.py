# SPDX-License-Identifier: AGPL-3.0-or-later
"""The command ``roomdet``: data on stdout, everything else on stderr."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from roomdet_client._version import __version__
from roomdet_client.errors import ClientError
from roomdet_client.terminal import printable

if TYPE_CHECKING:
    from types import ModuleType

# Name: module and one line of help. A module is loaded when its command is named; it has
# add_arguments(parser) and run(args), which returns the status: 0 done, 1 failed, 2 bad usage.
COMMANDS = {
    "detect": ("detect", "find the rooms of files and folders"),
    "compare": ("compare", "what two servers or versions answer differently"),
    "watch": ("watch", "find the rooms of whatever is put into a folder"),
    "view": ("view", "show plans with their rooms in the browser, and correct them"),
    "completion": ("completion", "print the shell's completion of this command"),
}
# In a checkout: what make and `python -m deploy` do there. Their arguments are handed on.
CHECKOUT_COMMANDS = {
    "serve": "run a server on this machine",
    "demo": "start a server, find the rooms of a plan, draw them",
    "deploy": "an endpoint on AWS: plan, apply, status, …",
}
_USAGE = 2
_INTERRUPTED = 130  # as shells say it: 128 and SIGINT
_CLOSED = 141  # 128 and SIGPIPE


class BadUsage(Exception):
    """Arguments that do not go together."""


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The command line.

    Args:
        only: The command whose arguments are declared; None declares all, which loads all.
    """
    parser = argparse.ArgumentParser(
        prog="roomdet",
        description="Finds rooms on architectural blueprints.",
        epilog="`roomdet COMMAND --help` says more of each.",
    )
    parser.add_argument("--version", action="version", version=f"roomdet-client {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, about) in COMMANDS.items():
        command = commands.add_parser(name, help=about, description=about[0].upper() + about[1:])
        if only in (None, name):
            _module(module).add_arguments(command)
    for name, about in CHECKOUT_COMMANDS.items():
        commands.add_parser(name, help=f"{about} (in a checkout)", add_help=False)
    return parser


def _missing(err: ModuleNotFoundError) -> int:
    """Say how to get a package that is not there; a file of ours that is not is a bug."""
    package = (err.name or "").partition(".")[0]
    if package in ("", "roomdet_client"):
        raise err
    place = Path(__file__).parents[1]
    what = f"'{place}[all]'" if (place / "pyproject.toml").is_file() else "'roomdet-client[all]'"
    print(
        f"error: {package} is not installed for {sys.executable}: "
        f"{sys.executable} -m pip install {what}",
        file=sys.stderr,
    )
    return 1


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"roomdet_client.commands.{name}")


def _run(given: list[str]) -> int:
    if given and given[0] in CHECKOUT_COMMANDS:
        status: int = _module("checkout").run_word(given[0], given[1:])
    else:
        named = next((word for word in given if word in COMMANDS), "")
        args = build_parser(named).parse_args(given)
        status = _module(COMMANDS[args.command][0]).run(args)
    return status


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 done, 1 failed, 2 bad usage, 130 interrupted."""
    given = sys.argv[1:] if argv is None else argv
    try:
        return _run(given)
    except ModuleNotFoundError as err:
        return _missing(err)
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _CLOSED
    except BadUsage as err:
        print(printable(f"error: {err}"), file=sys.stderr)
        return _USAGE
    except (ClientError, OSError) as err:
        print(printable(f"error: {err}"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
