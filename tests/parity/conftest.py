# SPDX-License-Identifier: AGPL-3.0-or-later
"""The committed checkpoint as an ordinary export."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from archive.export import export
from tests.conftest import ROOT, SAMPLE_PNG

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def fp16(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the export makes of the checkpoint without further wishes: weights in fp16."""
    folder = tmp_path_factory.mktemp("fp16")
    export(
        ROOT / "weights" / "rooms.pt", folder, golden_plan=SAMPLE_PNG, input_px=640,
        allow_no_rooms=False,
    )  # fmt: skip
    return folder
