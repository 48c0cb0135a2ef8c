# SPDX-License-Identifier: AGPL-3.0-or-later
"""The image, built and pulled once; model folders; a container that most tests share."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import pytest

from benchmarks.sheets import draw_sheets
from tests.conftest import ROOT
from tests.image.deploying import Tool
from tests.image.fake_ecr import FakeEcr, serve_ecr
from tests.image.lab import Lab, open_lab
from tests.image.pushing import Pusher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.image.container import Container

NAME = "rooms"


STEPS = pytest.StashKey[dict[str, float]]()


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Registry and stores."""
    with open_lab() as opened:
        request.config.stash[STEPS] = opened.seconds
        yield opened


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Tell how long each step took."""
    for step, seconds in config.stash.get(STEPS, {}).items():
        terminalreporter.write_line(f"{seconds:7.1f} s  {step}")


@pytest.fixture(scope="session")
def image(lab: Lab) -> str:
    """The image without an archive, as SageMaker gets it, pulled into an empty store."""
    return lab.ship(NAME)


@pytest.fixture(scope="session")
def model(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What SageMaker mounts at /opt/ml/model, readable by any user."""
    folder = tmp_path_factory.mktemp("model")
    folder.chmod(0o755)
    shutil.copy(archive, folder / "rooms.mar")
    (folder / "rooms.mar").chmod(0o644)
    return folder


@pytest.fixture(scope="session")
def served(lab: Lab, image: str, model: Path) -> Iterator[Container]:
    """A container of 2048 MB that runs as some user, with everything read-only but /tmp."""
    digest = hashlib.sha256((model / "rooms.mar").read_bytes()).hexdigest()
    flags = [*mounted(model), "--env", f"ROOMDET_ARCHIVE_SHA256={digest}"]
    with lab.container(image, "serve", flags=flags) as container:
        container.wait_ready()
        yield container


@pytest.fixture(scope="session")
def sheets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The sample plan as A1 sheets at 300 dpi, by file name."""
    folder = tmp_path_factory.mktemp("sheets")
    return {path.name: path.read_bytes() for path in draw_sheets(folder)}


def mounted(model: Path) -> list[str]:
    """Flags that mount a model folder as SageMaker does."""
    return ["--volume", f"{model}:/opt/ml/model:ro"]


def baked_in(archive: Path) -> str:
    """Put an archive where the build can copy it; its path below the checkout."""
    target = ROOT / "build" / "image-test" / "baked" / "rooms.mar"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(archive, target)
    return str(target.relative_to(ROOT))


@pytest.fixture
def pusher(lab: Lab, request: pytest.FixtureRequest) -> Pusher:
    """A repository of the test's own."""
    return Pusher(lab.registry, f"small/{abs(hash(request.node.name)):x}")


@pytest.fixture
def ecr(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEcr]:
    """ECR's calls over that registry; boto3 finds them by itself."""
    with serve_ecr(lab.registry) as fake:
        monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", fake.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-id")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
        yield fake


@pytest.fixture
def tool(capsys: pytest.CaptureFixture[str]) -> Tool:
    """The command line."""
    return Tool(capsys)
