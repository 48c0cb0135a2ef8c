# SPDX-License-Identifier: AGPL-3.0-or-later
"""Exports, written once and opened by the programs that they are for (make venv-formats)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomdet_client.exports import FORMATS
from tests.exporting import known_page, pages

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one of each format's."""
    folder = tmp_path_factory.mktemp("exports")
    answered = pages()
    for name, kind in FORMATS.items():
        kind.write(answered, folder / name)
    return folder


@pytest.fixture(scope="session")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of one page whose rooms have names, an outline and an area, as far as known."""
    folder = tmp_path_factory.mktemp("known")
    for name, kind in FORMATS.items():
        kind.write([known_page()], folder / name)
    return folder
