# SPDX-License-Identifier: AGPL-3.0-or-later
"""The archive's sitecustomize.py, which every Python program with handler/ on its path imports."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = (
    "import sys; print(type(sys.modules.get('torch')).__name__, 'sitecustomize' in sys.modules)"
)


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        pytest.param("train.py", "NoneType True", id="another program imports its own torch"),
        pytest.param("ts/model_service_worker.py", "module True", id="the worker has ours"),
    ],
)
def test_the_worker_alone_is_changed(tmp_path: Path, name: str, seen: str) -> None:
    """By the name of the program that Python runs."""
    program = tmp_path / name
    program.parent.mkdir(exist_ok=True)
    program.write_text(PROGRAM)
    run = subprocess.run(
        ["env", f"PYTHONPATH={ROOT / 'handler'}", sys.executable, str(program)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert run.stdout.strip() == seen
