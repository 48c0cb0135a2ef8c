# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m deploy image` as the tests run it, and an image for it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from deploy.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.image.lab import Lab


class Tool:
    """Runs commands in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.stderr = ""

    def run(self, *args: str) -> tuple[int, str]:
        """Exit status and stdout of a command."""
        status = main(["image", *args])
        captured = self._capsys.readouterr()
        self.stderr = captured.err
        return status, captured.out

    def check(self, image: str) -> tuple[int, dict[str, Any]]:
        """Exit status and document of a check."""
        status, text = self.run("check", "--json", image)
        return status, json.loads(text)

    def fix(self, image: str, *args: str) -> dict[str, Any]:
        """Document of a fix."""
        status, text = self.run("fix", "--json", image, *args)
        assert status == 0, self.stderr
        document: dict[str, Any] = json.loads(text)
        return document


def rules(document: dict[str, Any]) -> list[str]:
    """What a check found."""
    return [finding["rule"] for finding in document["findings"]]


def cat_image(lab: Lab, context: Path, name: str) -> None:
    """Build an image that has `cat` and what it links to, and prints its own tag."""
    cat = shutil.which("cat") or ""
    linked = subprocess.run(["ldd", cat], capture_output=True, text=True, check=True).stdout
    for path in [cat, *re.findall(r"(/\S+) \(0x", linked)]:
        target = context / "root" / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    (context / "root" / "hello").write_text(name.rpartition(":")[2])
    (context / "Dockerfile").write_text(
        f'FROM scratch\nCOPY root /\nENTRYPOINT ["{cat}", "/hello"]\n'
    )
    lab.run("build", "--quiet", "--format", "oci", "--tag", name, str(context), environ=lab.builder)
