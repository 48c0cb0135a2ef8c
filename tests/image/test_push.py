# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m deploy image push`: what arrives is what SageMaker takes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from deploy.__main__ import main
from deploy.image.engine import Engine
from tests.image import pushing
from tests.image.deploying import cat_image
from tests.image.fake_ecr import HOST, FakeEcr
from tests.image.pushing import Pusher

if TYPE_CHECKING:
    from pathlib import Path

    from tests.image.lab import Lab


def test_a_pushed_image_is_checked_and_named_by_its_digest(
    lab: Lab,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was built with OCI's types; stdout has what goes into the deployment's configuration."""
    if lab.engine is not Engine.PODMAN:
        pytest.skip("Docker's own pushes are those of tests/image/test_image.py")
    pusher = Pusher(lab.registry, "small/pushed")
    cat_image(lab, tmp_path / "image", pusher.name("1"))
    for name, value in lab.builder.items():
        monkeypatch.setenv(name, value)
    capfd.readouterr()

    assert main(["image", "push", pusher.name("1")]) == 0

    kind, content = pusher.get("1")
    name = f"{pusher.registry}/{pusher.repository}@{pushing.sha256(content)}"
    assert (kind, capfd.readouterr().out) == (pushing.V2S2, f"{name}\n")
    assert main(["image", "push", f"{name}"]) == 2


def test_ecr_is_logged_in_to_without_the_aws_cli(
    lab: Lab, ecr: FakeEcr, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The engine gets AWS's token on its stdin; here it is one that only writes down its calls."""
    engine = tmp_path / "podman"
    engine.write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n[ "$1" != login ] || cat >>{tmp_path}/calls\n'
    )
    engine.chmod(0o755)
    (tmp_path / "docker").symlink_to("/bin/false")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    image = Pusher(lab.registry, "small/login").image("1", is_docker=True)
    name = f"{HOST}/small/login:1"

    assert main(["image", "push", name]) == 0

    assert (tmp_path / "calls").read_text() == (
        f"login --username AWS --password-stdin {HOST}\na-tokenpush --format v2s2 {name}\n"
    )
    assert capfd.readouterr().out == f"{HOST}/small/login@{image.digest}\n"
    assert ecr.calls[0] == "GetAuthorizationToken"
