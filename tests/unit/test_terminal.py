# SPDX-License-Identifier: AGPL-3.0-or-later
"""Others' texts on the terminal: a server's message and a file's name are shown, not obeyed."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import serving.console
from roomdet_client import cli, terminal
from tests.conftest import ROOT, SAMPLE_PNG
from tests.unit.answering import ROOM, answering, found

if TYPE_CHECKING:
    from pathlib import Path

# Sets the title and clears the screen; colors; the same with one-character forms; turns what
# follows around.
HOSTILE = "\x1b]0;gone\x07\x1b[2J\x1b[31m\x9b2J\x9d0;gone\x9c\r\x08\x7f\u202e"
OBEYED = set("\x1b\x07\x9b\x9d\x9c\x08\x7f\u202e")
REFUSAL = {"status": "error", "error_type": "ValidationError", "message": f"no: {HOSTILE}"}


@pytest.mark.parametrize("printable", [terminal.printable, serving.console.printable])
def test_every_control_character_is_shown(printable: object) -> None:
    """And nothing else is changed; within JSON the escapes mean what they stand for."""
    assert callable(printable)
    everything = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x11000)]))
    shown = printable(everything)

    kept = [char for char in everything if char in shown]
    assert set(everything) - set(kept) == {
        chr(number)
        for number in (
            *range(0x20),
            *range(0x7F, 0xA0),
            *range(0x202A, 0x202F),
            *range(0x2066, 0x206A),
        )
        if chr(number) not in "\t\n"
    }
    assert json.loads(printable(json.dumps(HOSTILE, ensure_ascii=False))) == HOSTILE
    assert printable("plan-\udcff.png") == "plan-\\udcff.png"


def test_both_programs_do_the_same() -> None:
    """The tool that builds images with Python alone has its own copy."""
    everything = "".join(map(chr, range(0x11000)))

    assert terminal.printable(everything) == serving.console.printable(everything)


def test_a_servers_message_and_a_files_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`roomdet detect` says what a real server refused of a file with such a name."""
    plan = tmp_path / "a\x1b[2Jb.png"
    shutil.copy(SAMPLE_PNG, plan)

    with answering(lambda *_: (400, json.dumps(REFUSAL).encode())) as server:
        assert 1 == cli.main(["detect", str(plan), "--url", server.url])

    out, err = capsys.readouterr()
    assert not OBEYED & set(out + err)
    assert "no: \\u001b]0;gone\\u0007\\u001b[2J" in err
    assert "a\\u001b[2Jb.png" in err


def test_rooms_names_on_a_terminal(tmp_path: Path) -> None:
    """CSV is data: a pipe gets it as it is, a terminal with escapes."""
    plan = tmp_path / "plan.png"
    shutil.copy(SAMPLE_PNG, plan)
    named = found({**ROOM, "name_hint": "Hall\x1b]0;gone\x07"})
    with answering(lambda *_: (200, named)) as server:
        command = [sys.executable, "-m", "roomdet_client", "detect", str(plan), "--url", server.url,
                   "--include", "name", "--format", "csv"]  # fmt: skip
        environ = {**os.environ, "PYTHONPATH": str(ROOT / "client")}
        piped = subprocess.run(command, env=environ, capture_output=True, check=True).stdout
        reader, writer = pty.openpty()
        subprocess.run(command, env=environ, stdout=writer, stderr=subprocess.DEVNULL, check=True)
        shown = os.read(reader, 1 << 16)
        os.close(writer)
        os.close(reader)

    assert b"Hall\x1b]0;gone\x07" in piped
    assert b"Hall\\u001b]0;gone\\u0007" in shown
    assert b"\x1b" not in shown
