# SPDX-License-Identifier: AGPL-3.0-or-later
"""What `python -m deploy` loads, and when."""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from deploy.__main__ import build_parser
from serving.console import Run
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of a machine that has Python alone.
_ABSENT = ("boto3", "botocore", "yaml", "urllib3", "zstandard")


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers that run something."""
    inner = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not inner:
        yield parser
    for action in inner:
        for choice in action.choices.values():
            yield from commands(choice)


@pytest.mark.parametrize("parser", [*commands(build_parser())], ids=lambda parser: parser.prog)
def test_every_command_has_what_runs_it(parser: argparse.ArgumentParser) -> None:
    """A name that is looked up when the command runs must lead somewhere."""
    run = parser.get_default("run")

    assert callable(run.load() if isinstance(run, Run) else run)


@pytest.mark.parametrize("module", ["deploy.__main__", "deploy.image.run", "deploy.account.doctor"])
def test_python_alone_builds_images_and_asks_the_doctor(module: str) -> None:
    """Whatever else is missing; `doctor` says so."""
    hide = "".join(f"sys.modules[{name!r}] = None; " for name in _ABSENT)
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; {hide}import {module}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (run.returncode, run.stderr)
