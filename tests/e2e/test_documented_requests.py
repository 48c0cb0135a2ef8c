# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the documents show to be sent with curl, Python and JavaScript, sent to a real server."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT, SAMPLE_PDF, SAMPLE_PNG
from tests.documents import commands, fences

if TYPE_CHECKING:
    from pathlib import Path

    from serving.server import LocalServer

ADDRESS = "http://127.0.0.1:8080"
CURL = [command for command in commands() if command.startswith(("curl ", "{ printf"))]
MOST_S = 60


def sent_from(folder: Path) -> Path:
    """A folder in which the files of the documents lie."""
    (folder / "docs").symlink_to(ROOT / "docs")
    shutil.copy(SAMPLE_PDF, folder / "plan.pdf")
    shutil.copy(SAMPLE_PNG, folder / "plan.png")
    return folder


def example(language: str) -> str:
    """The client that docs/api.md shows in a language."""
    (text,) = (
        fence.text
        for fence in fences()
        if fence.language == language and fence.page.name == "api.md"
    )
    return text


@pytest.mark.parametrize("command", CURL)
def test_every_curl_is_answered(command: str, server: LocalServer, tmp_path: Path) -> None:
    """As it is printed, but for the address and a file's base64."""
    packed = base64.b64encode(SAMPLE_PNG.read_bytes()).decode()
    line = command.replace(ADDRESS, server.url).replace("<base64>", packed)
    ran = subprocess.run(
        ["sh", "-c", f"set -e; {line}"], cwd=sent_from(tmp_path), capture_output=True, text=True,
        check=True, timeout=MOST_S,
    )  # fmt: skip

    if command.endswith("/metrics"):
        assert "roomdet_cold_start_seconds" in ran.stdout
    elif command.endswith("/ping"):
        assert json.loads(ran.stdout)["status"] == "Healthy"
    else:
        most = 5 if "max_rooms=5" in command else 9
        assert len(json.loads(ran.stdout)["detected_rooms"]) >= most


def test_the_python_client_of_the_documents(server: LocalServer, tmp_path: Path) -> None:
    """It prints a line a room, and tells an error by its code."""
    code = example("python").replace(ADDRESS, server.url)
    told = run([sys.executable, "-c", code], tmp_path)

    assert len(told[0].splitlines()) >= 9
    assert "invalid_file_format" in told[1]


@pytest.mark.skipif(
    not shutil.which("node") and not os.environ.get("REQUIRE_ALL"), reason="Node is not installed"
)
def test_the_javascript_client_of_the_documents(server: LocalServer, tmp_path: Path) -> None:
    """Likewise."""
    script = tmp_path / "client.mjs"
    script.write_text(example("js").replace(ADDRESS, server.url))
    told = run(["node", str(script)], tmp_path)

    assert len(told[0].splitlines()) >= 9
    assert "400 invalid_file_format" in told[1]


def run(command: list[str], folder: Path) -> tuple[str, str]:
    """What a client prints for a plan, and what for a file that is none."""
    good = subprocess.run(
        [*command, SAMPLE_PDF], capture_output=True, text=True, check=True, timeout=MOST_S
    )
    (folder / "bad.png").write_bytes(b"no plan")
    bad = subprocess.run(
        [*command, folder / "bad.png"], capture_output=True, text=True, check=False, timeout=MOST_S
    )
    assert bad.returncode
    return good.stdout, bad.stderr
