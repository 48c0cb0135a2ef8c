# SPDX-License-Identifier: AGPL-3.0-or-later
"""What several layers of tests share: the real archive, packed once."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.pack import pack

ROOT = Path(__file__).parent.parent
NETWORK = ROOT / "weights" / "rooms"
SAMPLE_PNG = ROOT / "docs" / "sample" / "plan.png"
SAMPLE_PDF = ROOT / "docs" / "sample" / "plan.pdf"


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default archive, packed from this checkout."""
    path = tmp_path_factory.mktemp("archive") / "rooms.mar"
    pack(NETWORK, path, version="1.0", root=ROOT)
    return path
