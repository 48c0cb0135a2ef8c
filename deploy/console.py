# SPDX-License-Identifier: AGPL-3.0-or-later
"""How commands talk: results go to stdout, progress and errors to stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from deploy.errors import BadUsage, DeployError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def guarded(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Tell an error of ours in one line; 1 failed, 2 bad usage."""

    def run_guarded(args: argparse.Namespace) -> int:
        try:
            return run(args)
        except BadUsage as err:
            say(f"error: {err}")
            return 2
        except (DeployError, OSError) as err:
            say(f"error: {err}")
            return 1
        except KeyboardInterrupt:
            say("error: interrupted; the same command goes on with it")
            return 1

    return run_guarded


def say(text: str) -> None:
    """Tell progress."""
    print(text, file=sys.stderr, flush=True)
