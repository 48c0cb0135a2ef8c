# SPDX-License-Identifier: AGPL-3.0-or-later
"""The committed jar is what its sources compile to. Needs a JDK; tests/layers.py knows."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "docker" / "endpoints"


def digests(jar: Path) -> dict[str, str]:
    """sha256 of each entry of a jar by name."""
    with zipfile.ZipFile(jar) as content:
        return {name: hashlib.sha256(content.read(name)).hexdigest() for name in content.namelist()}


def test_the_committed_jar_is_built_from_its_sources(tmp_path: Path) -> None:
    """`make plugin` would change nothing, entry by entry."""
    built = tmp_path / "built.jar"
    subprocess.run([sys.executable, FOLDER / "build.py", "--out", built], check=True)

    assert digests(built) == digests(FOLDER / "roomdet-endpoints.jar")
