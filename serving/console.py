# SPDX-License-Identifier: AGPL-3.0-or-later
"""How commands run and talk: results go to stdout, progress and errors to stderr."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from serving.errors import BadUsage, ToolError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

WOULD_CHANGE = 3  # exit status: nothing failed, and something is left to do


@dataclass(frozen=True, slots=True)
class Run:
    """Runs a command, and tells an error of ours in one line; 1 failed, 2 bad usage.

    What a command needs is loaded here, once its words are understood: building an image needs
    Python alone, planning for an empty account no boto3, and `doctor` says which package is
    missing. So the files of commands hold argparse and nothing else.

    Attributes:
        name: Of the function, ``package.module:function``; it takes the arguments and returns the
            exit status.
        requirements: Files of requirements/ that have what it needs, to be named where a package
            is missing.
    """

    name: str
    requirements: tuple[str, ...] = ()

    def load(self) -> Callable[[argparse.Namespace], int]:
        """The function.

        Raises:
            ToolError: If a package is missing.
        """
        module, _, function = self.name.partition(":")
        try:
            found: Callable[[argparse.Namespace], int] = getattr(import_module(module), function)
        except ImportError as err:
            if not self.requirements:
                raise
            files = " ".join(f"-r requirements/{name}.txt" for name in self.requirements)
            raise ToolError(
                f"{err.name} is missing: pip install -c constraints.txt {files}"
            ) from err
        return found

    def __call__(self, args: argparse.Namespace) -> int:
        """Run it."""
        try:
            return self.load()(args)
        except BadUsage as err:
            say(f"error: {err}")
            return 2
        except (ToolError, OSError) as err:
            say(f"error: {err}")
            return 1
        except KeyboardInterrupt:
            say("error: interrupted; the same command goes on with it")
            return 1


def say(text: str) -> None:
    """Tell progress."""
    print(text, file=sys.stderr, flush=True)
