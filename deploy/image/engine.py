# SPDX-License-Identifier: AGPL-3.0-or-later
"""The program that builds images here: Docker with buildx, Docker, or podman.

Whichever it is, what is pushed is a Docker v2 schema 2 manifest for linux/amd64, not an OCI one
and not an index: SageMaker's CreateModel takes nothing else.

Source: aws/amazon-sagemaker-feedback#180; BuildKit 0.31 writes OCI types unless it is told
otherwise (moby/buildkit#6824).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.errors import EngineError
from deploy.image.names import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

PLATFORM = "linux/amd64"
_STDERR = 2


class Engine(StrEnum):
    """What builds and runs images."""

    BUILDX = "docker buildx"
    DOCKER = "docker"
    PODMAN = "podman"

    @property
    def program(self) -> str:
        """The command's name."""
        return self.value.split()[0]


@dataclass(frozen=True, slots=True)
class Build:
    """One image to be built.

    Attributes:
        tag: Its name and tag.
        arguments: Build arguments by name (``ARG`` of the Dockerfile).
        labels: Labels beside those of the Dockerfile. They are given here and not as arguments
            because podman keeps a cached step although an argument in its LABEL has changed.
        flags: Further flags of the engine's own.
        is_pushed: Push it to the registry that its name says.
        context: The checkout.
    """

    tag: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    is_pushed: bool = False
    context: Path = Path()


def find_engine() -> Engine:
    """Choose Docker where its daemon answers, else podman.

    Raises:
        EngineError: If there is neither.
    """
    if shutil.which("docker") and _succeeds("docker", "info"):
        return Engine.BUILDX if _succeeds("docker", "buildx", "version") else Engine.DOCKER
    if shutil.which("podman"):
        return Engine.PODMAN
    raise EngineError(
        "neither a Docker daemon nor podman is here; tests/image/install.sh gets podman"
    )


def build_commands(engine: Engine, build: Build) -> list[list[str]]:
    """The commands that build an image, and push it where that is wanted."""
    arguments = [f"--build-arg={name}={value}" for name, value in build.arguments.items()]
    labels = [f"--label={name}={value}" for name, value in build.labels.items()]
    common = ["--platform", PLATFORM, *arguments, *labels, *build.flags]
    context = str(build.context)
    if engine is Engine.BUILDX:
        # Attestations would make it an index, and BuildKit refuses them with Docker's types.
        plain = ["--provenance=false", "--sbom=false"]
        target = f"type=image,name={build.tag},push=true,oci-mediatypes=false"
        output = ["--output", target] if build.is_pushed else ["--load", "--tag", build.tag]
        return [["docker", "buildx", "build", *plain, *output, *common, context]]
    if engine is Engine.DOCKER:
        commands = [["docker", "build", "--tag", build.tag, *common, context]]
    else:
        commands = [["podman", "build", "--format", "docker", "--tag", build.tag, *common, context]]
    return [*commands, *push_commands(engine, build.tag)] if build.is_pushed else commands


def push_commands(engine: Engine, tag: str) -> list[list[str]]:
    """The commands that push an image that is stored here already."""
    if engine is not Engine.PODMAN:
        return [["docker", "push", tag]]
    # Docker needs no word for a registry of this machine.
    plain = ["--tls-verify=false"] if is_loopback(tag.partition("/")[0]) else []
    return [["podman", "push", "--format", "v2s2", *plain, tag]]


def tag_commands(engine: Engine, tag: str, target: str) -> list[list[str]]:
    """The commands that push an image that is stored here under another name."""
    return [[engine.program, "tag", tag, target], *push_commands(engine, target)]


def image_id(engine: Engine, tag: str) -> str:
    """Digest of the configuration of an image that is stored here, in hexadecimal digits.

    Empty if there is none.
    """
    command = [engine.program, "image", "inspect", "--format", "{{.Id}}", tag]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if result.returncode else result.stdout.strip().removeprefix("sha256:")


def run_build(engine: Engine, build: Build, environ: Mapping[str, str] | None = None) -> None:
    """Build an image, with the engine's own progress on this process's stderr.

    Raises:
        EngineError: If a command fails.
    """
    run_all(build_commands(engine, build), environ)


def run_all(
    commands: list[list[str]], environ: Mapping[str, str] | None = None, given: str = ""
) -> None:
    """Run commands one after the other.

    Args:
        commands: What is run.
        environ: In addition to this process's own environment.
        given: What each command reads; a password, for example.

    Raises:
        EngineError: If one fails.
    """
    for command in commands:
        result = subprocess.run(
            command,
            env={**os.environ, **(environ or {})},
            input=given.encode() or None,
            stdout=_STDERR,  # stdout is for the result
            check=False,
        )
        if result.returncode:
            raise EngineError(f"{' '.join(command[:3])} … failed with status {result.returncode}")


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
