# SPDX-License-Identifier: AGPL-3.0-or-later
"""docs/openapi.yaml under Redocly's linter, which `sh tests/viewer/install.sh` has fetched."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

OPENAPI = ROOT / "docs" / "openapi.yaml"
REDOCLY = ROOT / "client" / "viewer" / "node_modules" / "@redocly" / "cli" / "bin" / "cli.js"


def lint(document: Path) -> list[dict[str, Any]]:
    """What it finds by its recommended rules, errors and warnings; nothing is sent anywhere."""
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    ran = subprocess.run(
        ["node", REDOCLY, "lint", document, "--extends=recommended", "--format=json"],
        cwd=document.parent, env=os.environ | quiet, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    found: list[dict[str, Any]] = json.loads(ran.stdout)["problems"]
    assert (ran.returncode == 0) is all(one["severity"] != "error" for one in found), ran.stderr
    return found


def test_the_linter_has_nothing_to_say() -> None:
    """Neither an error nor a warning."""
    assert lint(OPENAPI) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("confidence: 0.4\n", "confidence: much\n"), ("/schemas/Answer", "/schemas/Reply")],
    ids=["example", "reference"],
)
def test_the_linter_finds_what_is_wrong(right: str, wrong: str, tmp_path: Path) -> None:
    """An example that its schema refuses, a reference that leads nowhere."""
    text = OPENAPI.read_text("utf-8")
    assert right in text
    (tmp_path / "openapi.yaml").write_text(text.replace(right, wrong), "utf-8")

    assert lint(tmp_path / "openapi.yaml") != []
