# SPDX-License-Identifier: AGPL-3.0-or-later
"""The committed endpoint plugin, as far as it can be checked without a compiler."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "docker" / "endpoints"
JAR = FOLDER / "roomdet-endpoints.jar"
SERVICE = "META-INF/services/org.pytorch.serve.servingsdk.ModelServerEndpoint"


def test_the_jar_is_not_older_than_its_sources() -> None:
    """It carries them; whoever changes one without `make plugin` is told here."""
    with zipfile.ZipFile(JAR) as jar:
        packed = {name: jar.read(name) for name in jar.namelist() if name.endswith(".java")}
    sources = {
        str(path.relative_to(FOLDER / "src")): path.read_bytes()
        for path in (FOLDER / "src").rglob("*.java")
    }

    assert packed == sources


def test_the_jar_names_its_endpoints() -> None:
    """TorchServe finds them by this file, and their classes for Java 17 (version 61)."""
    with zipfile.ZipFile(JAR) as jar:
        for endpoint in jar.read(SERVICE).decode().split():
            code = jar.read(endpoint.replace(".", "/") + ".class")
            assert code[:8] == b"\xca\xfe\xba\xbe\x00\x00\x00\x3d"


def test_entries_carry_no_time() -> None:
    """The same sources make the same bytes."""
    with zipfile.ZipFile(JAR) as jar:
        names = jar.namelist()

        assert {entry.date_time for entry in jar.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert names[1:] == sorted(names[1:])


def test_a_machine_without_a_compiler_is_told_so(tmp_path: Path) -> None:
    """And nothing is written."""
    out = tmp_path / "out.jar"
    result = subprocess.run(
        ["env", f"PATH={tmp_path}", sys.executable, FOLDER / "build.py", "--out", out],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert result.returncode == 1
    assert "there is no javac" in result.stderr
    assert not out.exists()
