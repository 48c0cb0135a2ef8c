# SPDX-License-Identifier: AGPL-3.0-or-later
"""docs/manifest.md and docs/contract.md say what the code does, and need what they say."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

from deploy.__main__ import build_parser
from tests.conftest import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_finding_is_explained() -> None:
    """docs/manifest.md has each of them in its table."""
    code = (ROOT / "deploy" / "image" / "rules.py").read_text("utf-8")
    text = (ROOT / "docs" / "manifest.md").read_text("utf-8")

    rules = set(re.findall(r'Finding\(\s*"([a-z-]+)"', code))
    assert len(rules) >= 8
    assert [rule for rule in rules if f"`{rule}`" not in text] == []


def test_every_command_of_the_documents_is_understood() -> None:
    """Names and options are those of the parser."""
    found = 0
    for path in DOCUMENTS:
        for command in re.findall(
            r"^(?:\$ )?python -m deploy (.*)$", path.read_text("utf-8"), re.M
        ):
            args = shlex.split(command.replace("|", " "), comments=True)
            build_parser().parse_args(args)
            found += 1
    assert found >= 10


@pytest.mark.parametrize(
    ("absent", "args"),
    [
        pytest.param(["PIL", "numpy", "torch"], ["image", "check", "no name"], id="check"),
        pytest.param(["PIL", "numpy", "torch"], ["contract"], id="contract"),
        pytest.param(
            ["PIL", "numpy", "torch", "boto3", "urllib3", "zstandard"],
            ["image", "build", "--push", "--tag", "no name"],
            id="build",
        ),
    ],
)
def test_the_tools_need_no_more_than_they_say(absent: list[str], args: list[str]) -> None:
    """Whoever deploys has no torch, and whoever builds has Python alone."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({absent})); "
        f"from deploy.__main__ import main; sys.exit(main({args}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert (result.returncode, result.stderr[:7]) == (2, "error: "), result.stderr
