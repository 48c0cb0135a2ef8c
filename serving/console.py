# SPDX-License-Identifier: AGPL-3.0-or-later
"""How commands are declared, run and talk: results go to stdout, progress and errors to stderr."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from serving.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Exit statuses of all commands (docs/endpoint.md).
DONE, FAILED, BAD_USAGE = 0, 1, 2
WOULD_CHANGE = 3  # nothing failed, and something is left to do or still under way
INTERRUPTED = 130  # by Ctrl-C; 128 and the number of the signal, as shells have it
BROKEN_PIPE = 141  # whoever read the output has gone, such as `head`
# What a terminal obeys instead of showing it: C0 but for tab and line feed, DEL, C1, directions.
_OBEYED = (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_ESCAPES = {number: f"\\u{number:04x}" for number in _OBEYED if chr(number) not in "\t\n"}
_MISSING = "the following arguments are required: COMMAND"
Commands = argparse._SubParsersAction  # it has no public name


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Shows examples as they are written, and the default of each option that has one."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        is_said = "default" in text or action.default in (None, False, argparse.SUPPRESS)
        is_shown = action.option_strings and not is_said and action.default not in ("", [], ())
        return f"{text} (default: %(default)s)" if is_shown else text


class Parser(argparse.ArgumentParser):
    """A parser of ours; those of its commands are of the same kind.

    ``--debug`` stands wherever the user looks for it.
    """

    def __init__(self, **options: object) -> None:
        super().__init__(**{"formatter_class": Formatter, **options})  # type: ignore[arg-type]
        self.add_argument(
            "--debug", action="store_true", default=argparse.SUPPRESS,
            help="show each call of AWS's and, for an error, where it came from",
        )  # fmt: skip

    def error(self, message: str) -> NoReturn:
        """Say which commands there are where none is named; status 2."""
        if message == _MISSING:
            named = [a for a in self._actions if isinstance(a, argparse._SubParsersAction)]
            message = f"a command is missing: {', '.join(named[0].choices)}; --help explains them"
        super().error(message)


def add_command(
    commands: Commands[Parser],
    name: str,
    summary: str,
    run: Run,
    *,
    about: str = "",
    examples: Sequence[str] = (),
) -> Parser:
    """Declare a command.

    Args:
        commands: Those that it is one of.
        name: The word for it.
        summary: One line in the list of all.
        run: What runs it.
        about: What else its own help says first.
        examples: Command lines, without ``python -m deploy``.
    """
    said = f"{summary[0].upper()}{summary[1:]}.{f' {about}' if about else ''}"
    shown = "\n".join(f"  python -m deploy {example}" for example in examples)
    parser = commands.add_parser(
        name,
        help=summary,
        description=textwrap.fill(said, 79),
        epilog=f"examples:\n{shown}" if shown else None,
    )
    parser.set_defaults(run=run)
    return parser


def seconds_below(most: int) -> Callable[[str], float]:
    """Reads an option that is a time from 0 on, shorter than so many seconds."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value < most:
            raise argparse.ArgumentTypeError(f"{text!r}; 0 or more, less than {most}")
        return value

    return read


@dataclass(frozen=True, slots=True)
class Run:
    """Runs a command.

    What a command needs is loaded here, once its words are understood: building an image needs
    Python alone, planning for an empty account no boto3, and `doctor` says which package is
    missing. So the files of commands hold argparse and nothing else.

    Attributes:
        name: Of the function, ``package.module:function``; it takes the arguments and returns the
            exit status.
        installed_by: The command that installs what it needs, to be named where a package is
            missing.
    """

    name: str
    installed_by: str = "make venv-deploy"

    def load(self) -> Callable[[argparse.Namespace], int]:
        """The function.

        Raises:
            ToolError: If a package is missing.
        """
        module, _, function = self.name.partition(":")
        try:
            found: Callable[[argparse.Namespace], int] = getattr(import_module(module), function)
        except ModuleNotFoundError as err:
            raise self._missing(err) from err
        return found

    def _missing(self, err: ModuleNotFoundError) -> Exception:
        """What to do about a package that is not there; a file of ours that is not is a bug."""
        package = (err.name or "").partition(".")[0]
        if package == __name__.partition(".")[0]:
            return err
        return ToolError(
            f"{package} is not installed for {sys.executable}: `{self.installed_by}` installs all "
            "that this command needs in .venv; then `. .venv/bin/activate`, and the same again"
        )

    def __call__(self, args: argparse.Namespace) -> int:
        """Run it.

        Raises:
            ToolError: If it fails, or a package is missing.
        """
        try:
            return self.load()(args)
        except ModuleNotFoundError as err:  # boto3 and urllib3 are loaded when they are needed
            raise self._missing(err) from err


def say(text: str, end: str = "\n") -> None:
    """A line of progress or an error on stderr."""
    print(f"{_clear()}{printable(text)}", end=end, file=sys.stderr, flush=True)


def tell(text: object, end: str = "\n") -> None:
    """A result on stdout: into a file or another program as it is, on a terminal as say() does."""
    print(printable(str(text)) if sys.stdout.isatty() else text, end=end, flush=True)


def printable(text: str) -> str:
    """A text that may be another's, such as a message of AWS's, with its control characters shown.

    As ``roomdet_client.terminal``, which is not there where an image is built with Python alone.
    """
    return text.translate(_ESCAPES).encode(errors="backslashreplace").decode()


def redraw(text: str) -> None:
    """Tell progress in a line that the next one replaces; on a terminal alone."""
    if clear := _clear():
        width = shutil.get_terminal_size().columns - 1
        print(f"{clear}{printable(text)[:width]}", end="", file=sys.stderr, flush=True)


def _clear() -> str:
    """What takes a line back that was redrawn; empty where there is no terminal."""
    return "\r\x1b[K" if sys.stderr.isatty() else ""
