# SPDX-License-Identifier: AGPL-3.0-or-later
"""docs/commands.md: every command of the documents is run by a test, or it says why not."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess

import pytest

from roomdet_client.cli import build_parser
from tests.conftest import ROOT, SAMPLE_PDF
from tests.documents import commands, table

PAGE = ROOT / "docs" / "commands.md"
RUN, NOT_RUN = table(PAGE, "Run by a test"), table(PAGE, "Not run")
COMMANDS = commands()
MAKE = [command for command in COMMANDS if command.startswith("make ")]


def row_of(command: str) -> str | None:
    """The pattern of the first row that a command fits; None if there is none."""
    rows = [*RUN, *NOT_RUN]
    return next((row for row, _ in rows if fnmatch.fnmatchcase(command, row)), None)


def test_no_command_is_missing_and_no_row_left_over() -> None:
    """A new command needs a test, or a reason."""
    rows = [row_of(command) for command in COMMANDS]
    missing = [command for command, row in zip(COMMANDS, rows, strict=True) if row is None]
    left_over = [row for row, _ in (*RUN, *NOT_RUN) if row not in rows]

    assert missing == [], "add a row to docs/commands.md"
    assert left_over == [], "take the row out of docs/commands.md"
    assert len(COMMANDS) > 80


def test_every_named_test_exists() -> None:
    """By file and name; what ``.ci/run`` is named for stands in it."""
    ci = (ROOT / ".ci" / "run").read_text()
    for command, name in RUN:
        path, *_, test = name.split("::") if "::" in name else (name, "")
        if test:
            assert re.search(rf"^ *def {test}\(", (ROOT / path).read_text(), re.MULTILINE), name
        else:
            assert path == ".ci/run", name
            word = command.removeprefix("make ").rstrip("*")
            assert re.search(rf"make .*\b{word}\b", ci) or word == "venv", command


def test_every_reason_says_something() -> None:
    """A sentence, not a shrug."""
    assert all(len(reason.split()) > 4 for _, reason in NOT_RUN)


@pytest.mark.parametrize("command", MAKE)
def test_make_finds_what_the_command_needs(command: str) -> None:
    """Targets, prerequisites and variables: nothing is run."""
    ran = subprocess.run(
        ["make", "--dry-run", *shlex.split(command)[1:]], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    "command", [command for command in COMMANDS if re.match(r"\S*roomdet \w", command)]
)
def test_the_client_understands_the_command(command: str) -> None:
    """Its words and options."""
    words = shlex.split(command)[1:]

    assert build_parser().parse_args(words).command == words[0]


@pytest.mark.skipif(
    not shutil.which("jq") and not os.environ.get("REQUIRE_ALL"), reason="jq is not installed"
)
def test_every_jq_filter_reads_the_log() -> None:
    """Lines of a container's log go in; what the filter selects comes out."""
    line = {"event": "request", "status": 400, "time": "t", "id": "7", "levels": 1, "slices": 1,
            "decode_ms": 4, "detect_ms": 20, "outcome": "validation_error"}  # fmt: skip
    filters = [command for command in COMMANDS if command.startswith("jq ")]
    assert filters
    for command in filters:
        ran = subprocess.run(
            shlex.split(command), input="\n".join([json.dumps(line), '{"event":"ready"}']),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        (shown,) = ran.stdout.splitlines()
        assert "7" in json.loads(shown)


def test_the_ends_of_the_sample_are_shown() -> None:
    """`head` and `tail` of a PDF that is whole."""
    (command,) = (command for command in COMMANDS if command.startswith("head "))
    ran = subprocess.run(
        ["sh", "-c", command], cwd=SAMPLE_PDF.parent, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert ran.stdout.startswith("%PDF-")
    assert ran.stdout.rstrip().endswith("%%EOF")


def test_make_help_lists_itself() -> None:
    """And the other words."""
    ran = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "make help " in ran.stdout
    assert "make demo " in ran.stdout
