# SPDX-License-Identifier: AGPL-3.0-or-later
"""The command line around its commands: help, completion, and the words of a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import client
import roomdet
from roomdet_client import __version__
from roomdet_client.cli import CHECKOUT_COMMANDS, COMMANDS, build_parser, main
from roomdet_client.commands.checkout import command, find_checkout
from roomdet_client.exports import FORMATS
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def run(*args: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "client")}
    return subprocess.run(
        [sys.executable, "-m", "roomdet_client", *args], cwd=cwd, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_versions_go_together() -> None:
    """The client's is the server's; they are released together."""
    assert roomdet.__version__ == __version__
    assert client.__file__


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With its arguments, and nothing on stderr."""
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    out, err = capsys.readouterr()

    assert (0, "") == (caught.value.code, err)
    assert f"usage: roomdet {name}" in out


def test_help_is_quick() -> None:
    """No command is loaded for it, nor what decodes pictures."""
    code = (
        "import sys; from roomdet_client.cli import build_parser; build_parser('').format_help();"
        "print([m for m in sys.modules if m.startswith('roomdet_client.commands.') or m == 'PIL'])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "client")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "[]\n" == ran.stdout


def test_no_command_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """And so is one that does not exist."""
    for given in ([], ["detec"]):
        with pytest.raises(SystemExit) as caught:
            main(given)
        assert 2 == caught.value.code
    assert "invalid choice: 'detec'" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion(shell: str) -> None:
    """Is printed for each shell, with every command."""
    ran = run("completion", shell)

    assert (0, "") == (ran.returncode, ran.stderr)
    assert all(name in ran.stdout for name in (*COMMANDS, "serve", "deploy"))


def test_bash_completes(tmp_path: Path) -> None:
    """As a user sees it: words after a prefix, and options of a command."""
    script = tmp_path / "completion.bash"
    script.write_text(run("completion", "bash").stdout)
    ask = (
        f"source {script}; "
        "COMP_WORDS=(roomdet de); COMP_CWORD=1; _shtab_roomdet; echo ${COMPREPLY[@]}; "
        "COMP_WORDS=(roomdet detect --conf); COMP_CWORD=2; _shtab_roomdet; echo ${COMPREPLY[@]}; "
        "COMP_WORDS=(roomdet detect --format c); COMP_CWORD=3; _shtab_roomdet; echo ${COMPREPLY[@]}"
    )
    ran = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=False)

    commands, options, formats = ran.stdout.splitlines()
    assert {"detect", "demo", "deploy"} == set(commands.split())
    assert "--confidence" == options
    assert {"csv", "coco", "cvat"} == set(formats.split())


@pytest.mark.parametrize("word", ["serve", "demo", "deploy"])
def test_words_of_a_checkout_say_what_they_need(tmp_path: Path, word: str) -> None:
    """In one line, elsewhere."""
    ran = run(word, "--port", "1", cwd=tmp_path)

    assert (2, "") == (ran.returncode, ran.stdout)
    assert 1 == ran.stderr.count("\n")
    assert f"`roomdet {word}` works in a checkout" in ran.stderr


def test_words_of_a_checkout_are_handed_on() -> None:
    """To make and to `python -m deploy`, from any folder of it, status and all."""
    root = find_checkout(ROOT / "docs" / "sample")
    assert ROOT == root
    assert ["make", "--no-print-directory", "serve", "PORT=9000"] == command(
        ROOT, "serve", ["PORT=9000"]
    )
    ran = run("deploy", "--help", cwd=ROOT / "docs")
    assert 0 == ran.returncode
    assert "usage: python -m deploy" in ran.stdout
    assert 2 == run("deploy", "nothing", cwd=ROOT / "docs").returncode


def test_the_documentation_is_complete() -> None:
    """It has every command and, as a row of its table, every format."""
    text = (ROOT / "docs" / "client.md").read_text("utf-8")
    rows = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]

    assert list(FORMATS) == rows
    assert all(f"roomdet {name}" in text for name in COMMANDS)
    assert all(f"`{word}" in text for word in CHECKOUT_COMMANDS)


def test_every_command_is_in_the_full_parser() -> None:
    """Which completion is made of."""
    text = build_parser().format_help()

    assert all(name in text for name in (*COMMANDS, "serve", "demo", "deploy"))


@pytest.mark.parametrize("words", [("detect", "docs/sample/plan.png"), ("completion", "bash")])
def test_a_package_that_is_missing_is_told(words: tuple[str, ...]) -> None:
    """In a checkout, with Python alone and no PYTHONPATH: what to install, and no trace."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-S", "-m", "client", *words], cwd=ROOT, env=inherited,
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (1, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith(f"-m pip install '{ROOT / 'client'}[all]'\n")
