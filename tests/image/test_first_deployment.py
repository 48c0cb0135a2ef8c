# SPDX-License-Identifier: AGPL-3.0-or-later
"""README's first deployment, from an account that has nothing to rooms on a plan."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sagemaker_local.first_deployment import commands, rehearse
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.image.lab import Lab


def test_the_first_deployment(
    lab: Lab, image: str, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command does what the next one needs; the image is the one that the other tests run."""
    for name, value in lab.puller.items():
        monkeypatch.setenv(name, value)
    lab.run("tag", image, "rooms-of-first-deployment:1")

    typed = rehearse("rooms-of-first-deployment:1", str(archive))

    assert [one.status for one in typed] == [0] * 6
    _, pushed, doctor, plan, applied, invoked = (one.out for one in typed)
    assert "rooms@sha256:" in pushed
    assert "failure" not in doctor
    assert "create_endpoint rooms: there is none of this name" in plan
    assert json.loads(applied)["endpoint"] == "rooms"
    assert len(json.loads(invoked)["detected_rooms"]) > 5


def test_readme_has_the_same_commands() -> None:
    """In the same order, with the configuration that is taken by itself."""
    section = (ROOT / "README.md").read_text("utf-8").partition("## Deploy it")[2]
    block = section.partition("```\n")[2].partition("```")[0]
    shown = [line.partition("#")[0].split() for line in block.splitlines()]
    typed = commands("deploy.yaml", "")[:-1]

    assert shown[0] == ["make", "venv-deploy"]
    assert [line[3:] for line in shown[1:]] == [
        [word for word in words if word not in {"--yes", "--tag", "", "--config"}
         and (word != "deploy.yaml" or "--write" in words)]
        for words in typed
    ]  # fmt: skip
