# SPDX-License-Identifier: AGPL-3.0-or-later
"""Real TorchServe processes with the real archive."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from serving.server import LocalServer, serve
from tests.conftest import CONFIG
from tests.service_models import read_once

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session", autouse=True)
def service_models() -> Iterator[None]:
    """Sessions of botocore share what they have read."""
    with pytest.MonkeyPatch.context() as patch:
        read_once(patch)
        yield


@pytest.fixture(scope="session")
def server(archive: Path, request: pytest.FixtureRequest) -> Iterator[LocalServer]:
    """A server with the settings that a laptop has."""
    with serve(archive, config=CONFIG) as running:
        running.wait_ready()
        yield running
        if request.session.testsfailed:
            print(running.log_tail())


@pytest.fixture(scope="session")
def batching_archive(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive with batches of four, which TorchServe would wait two seconds to fill."""
    path = tmp_path_factory.mktemp("batching") / "rooms.mar"
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "model-config.yaml":
                changed = content.replace(b"batchSize: 3 ", b"batchSize: 4 ").replace(
                    b"maxBatchDelay: 1 ", b"maxBatchDelay: 2000 "
                )
                assert changed != content
                content = changed
            target.writestr(name, content)
    return path
