# SPDX-License-Identifier: AGPL-3.0-or-later
"""What contract tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.endpoint_site import Site
from tests.contract.local_sagemaker import Harness, played_lab
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


@pytest.fixture(scope="module")  # as long as one is open, moto is not emptied for others
def shared_lab() -> Iterator[Harness]:
    """One local SageMaker for all tests of a file that do not change it as a whole."""
    with played_lab() as lab:
        yield lab


@pytest.fixture
def lab(shared_lab: Harness) -> Iterator[Harness]:
    """The shared local SageMaker; nothing may go wrong inside it."""
    yield shared_lab
    assert shared_lab.place.backend.bugs == []


@pytest.fixture
def site(archive: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site of one test."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with played_lab() as lab:
        yield Site(lab, archive, [])
