# SPDX-License-Identifier: AGPL-3.0-or-later
"""What all commands have in common: options, the configuration, questions, results and errors."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import shlex
import sys
import traceback
from argparse import SUPPRESS
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from deploy.errors import SpecError, Unconfirmed
from deploy.tables import as_table
from serving.console import (
    BAD_USAGE,
    BROKEN_PIPE,
    FAILED,
    INTERRUPTED,
    WOULD_CHANGE,
    say,
    tell,
)
from serving.errors import BadUsage, ToolError

if TYPE_CHECKING:
    import argparse

OWN_CONFIG = Path("deploy.yaml")  # of whoever deploys; `bootstrap --write` writes one
TEMPLATE = Path(__file__).parent / "endpoint-config.yaml"
_ROOMS = {"deploy", "serving", "sagemaker_local"}
# Commands that take --config, as hints name them.
_TARGETED = re.compile(
    r"python -m deploy (?:plan|apply|rollback|delete|versions|status|invoke|logs|bootstrap|doctor"
    r"|image push|batch (?:submit|status|fetch))\b"
)
# What goes before a profile in boto3's chain; whoever names one means it.
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


# -- options ----------------------------------------------------------------------------------


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that say which endpoint it is, and in which account."""
    shared = parser.add_argument_group("which endpoint, and where")
    shared.add_argument(
        "--config", type=Path, metavar="FILE",
        help=f"default: ./{OWN_CONFIG} if it is there, else {TEMPLATE.parent.name}/{TEMPLATE.name}",
    )  # fmt: skip
    shared.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="changes",
        help="goes before the configuration, such as serverless.memory_mb=3072; may be repeated",
    )  # fmt: skip
    shared.add_argument("--region", help="--set region=…; default: the configuration's, or boto3's")
    add_account_options(shared)


def add_account_options(parser: argparse._ActionsContainer) -> None:
    """Declare the options that say whose credentials are used, and where AWS is."""
    parser.add_argument("--profile", help="of ~/.aws/config; default: boto3's own chain")
    parser.add_argument(
        "--endpoint-url", metavar="URL", help="all services of AWS, in the place of AWS's own"
    )


def add_output(
    parser: argparse.ArgumentParser, default: str | None = "json", *others: str, old: str = ""
) -> None:
    """Declare ``--output``; what a command has always printed is its default.

    Args:
        parser: Of the command.
        default: ``json`` or ``table``; None if a plan is a table and the result is JSON.
        others: Formats beside these two.
        old: An option of before that took the same values.
    """
    names = [name for name in ("--output", old) if name]
    choices = ("json", "table", *others)
    planned = "of the result, and of the plan; default: JSON of the one, a table of the other"
    about = "of the result" if default else planned
    parser.add_argument("--output", choices=choices, default=default, help=about)
    if old:
        parser.add_argument(*names[1:], choices=choices, dest="output", help=SUPPRESS)
    parser.add_argument("--json", action="store_const", const="json", dest="output", help=SUPPRESS)


def add_yes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--yes", action="store_true",
        help="do it; without it, a terminal is shown the plan and asked, and elsewhere the plan is "
        "all (exit 3)",
    )  # fmt: skip


def add_timeout(parser: argparse.ArgumentParser, default_s: float, about: str) -> None:
    parser.add_argument(
        "--timeout-s", type=seconds, default=default_s, metavar="SECONDS", help=about
    )


def seconds(text: str) -> float:
    """A time to wait that ends.

    Raises:
        ValueError: If it is none.
    """
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError(text)
    return value


def parse_endpoint_url(url: str | None) -> str | None:
    """The address, if it is one that boto3 takes.

    Raises:
        BadUsage: If it is not.
    """
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises, if it is no number
    except ValueError as err:
        raise BadUsage(f"--endpoint-url {url!r} is no address: {err}") from err
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or "@" in url:
        raise BadUsage(f"--endpoint-url {url!r} is not http://HOST:PORT or https://HOST")
    return url


# -- running ----------------------------------------------------------------------------------


class _Said(logging.Handler):
    """Shows what is logged as everything else is shown."""

    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record))


def run(args: argparse.Namespace) -> int:
    """Run a command; its exit status is one of those in serving/console.py."""
    is_debugging = getattr(args, "debug", False)
    if is_debugging:
        logging.basicConfig(format="%(message)s", handlers=[_Said()])
        logging.getLogger("deploy").setLevel(logging.DEBUG)
    try:
        _settle(args)
        status: int = args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python writes what is left when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        say("error: interrupted; the same command goes on with it")
        return INTERRUPTED
    except Exception as err:  # noqa: BLE001 - what no command foresaw, such as a server's nonsense
        if is_debugging:
            say("".join(traceback.format_exception(err)), end="")
        return _told(err, args)
    return status


def _told(err: Exception, args: argparse.Namespace) -> int:
    """Say what happened; the exit status for it."""
    match err:
        case Unconfirmed():
            say(str(err))
            return WOULD_CHANGE
        case FileNotFoundError() if err.filename:
            say(f"error: there is no file {err.filename}")
            return BAD_USAGE
        case SpecError() if getattr(args, "config", None) and not str(err).startswith("--set"):
            say(f"error: {_short(args.config)}: {repeated(str(err), args)}")
            return BAD_USAGE
        case ToolError() | OSError():
            say(f"error: {repeated(str(err), args)}")
            return BAD_USAGE if isinstance(err, BadUsage) else FAILED
    say(f"error: {unforeseen(err)}")
    return FAILED


def unforeseen(err: Exception) -> str:
    """What happened and where, in one line; not the message, which may hold a token."""
    frames = traceback.extract_tb(err.__traceback__)
    frame = next((f for f in reversed(frames) if _ROOMS & {*Path(f.filename).parts}), frames[-1])
    return (
        f"{type(err).__name__} in {Path(frame.filename).name}, line {frame.lineno}, which no "
        "command foresaw; a server may have answered nonsense, or this is a bug (--debug shows all "
        "of it)"
    )


def _settle(args: argparse.Namespace) -> None:
    """Put what options mean where commands look for it.

    Raises:
        BadUsage: If there is no configuration of the name.
    """
    args.own_words = _own_words(args)
    if getattr(args, "config", None) and not args.config.is_file():
        raise BadUsage(
            f"there is no configuration {args.config}: `python -m deploy bootstrap --write "
            f"{shlex.quote(str(args.config))}` writes one"
        )
    args.own_config = getattr(args, "config", None)
    if getattr(args, "profile", None):
        os.environ["AWS_PROFILE"] = args.profile
        for name in _KEYS:
            os.environ.pop(name, None)
    if not hasattr(args, "config"):
        return
    if args.region:
        args.changes.append(f"region={args.region}")
    if args.config is None:
        own = [path for path in (getattr(args, "write", None), OWN_CONFIG) if path]
        args.config = next((path for path in own if path.is_file()), TEMPLATE)
        missing = "" if args.config in own else f"; there is no ./{OWN_CONFIG}"
        if not getattr(args, "image", None):  # `image push IMAGE` reads none
            say(f"Configuration: {_short(args.config)}{missing}")


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


# -- what the user typed ----------------------------------------------------------------------


def _own_words(args: argparse.Namespace) -> str:
    """The options of this run that a next command needs, too; the configuration aside."""
    named = {"region": "--region", "profile": "--profile", "endpoint_url": "--endpoint-url"}
    pairs = [(word, getattr(args, name, None)) for name, word in named.items()]
    pairs += [("--set", change) for change in getattr(args, "changes", ())]
    return "".join(f" {word} {shlex.quote(str(value))}" for word, value in pairs if value)


def repeated(text: str, args: argparse.Namespace) -> str:
    """A text whose commands have the options that the user gave to this one."""
    words, config = getattr(args, "own_words", ""), getattr(args, "own_config", None)
    if config is not None:
        own = shlex.quote(str(config))
        words = f" --config {own}{words}"
        if config.resolve() != TEMPLATE.resolve():  # which others begin as, and nobody writes to
            text = text.replace(f"--write {OWN_CONFIG}", f"--write {own}")
    return _TARGETED.sub(lambda found: found[0] + words, text)


# -- questions and results --------------------------------------------------------------------


def confirm(args: argparse.Namespace, plan: str, document: Any = None) -> None:
    """Show a plan, and go on only if the user wants it.

    With ``--yes`` it is progress; a terminal is asked; elsewhere the plan is the result.

    Args:
        args: Of the command.
        plan: A numbered line for each step.
        document: The plan as JSON; None for its lines.

    Raises:
        Unconfirmed: If it is not to be done.
    """
    if args.yes:
        say(plan)
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        if getattr(args, "output", None) == "json":
            steps = [line.strip().partition(". ")[2] for line in plan.splitlines()]
            plan = json.dumps(steps if document is None else document, indent=2)
        tell(plan)
        raise Unconfirmed("Nothing was changed; --yes does it.")
    say(plan)
    say("Do this? [y/N] ", end="")
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Unconfirmed("Nothing was changed.")


def show(document: Any, args: argparse.Namespace) -> None:
    """Print a result as it is asked for."""
    own = _repeated_within(document, args)
    tell(as_table(own) if args.output == "table" else json.dumps(own, indent=2))


def _repeated_within(value: Any, args: argparse.Namespace) -> Any:
    if isinstance(value, dict):
        return {key: _repeated_within(entry, args) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_repeated_within(entry, args) for entry in value]
    return repeated(value, args) if isinstance(value, str) else value
