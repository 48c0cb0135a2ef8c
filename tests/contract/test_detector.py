# SPDX-License-Identifier: AGPL-3.0-or-later
"""Detectors and OpenVINO's runtime in one process."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT

# The first one goes first, as when weights are replaced.
TWO_COME_AND_GO = """
import signal
from pathlib import Path
from roomdet.config import Config
from roomdet.detector import load_detector

first, second = (load_detector(Path("weights/rooms"), Config()) for _ in range(2))
del first
del second
signal.signal(signal.SIGTERM, lambda *_: print("handled"))
signal.raise_signal(signal.SIGTERM)
"""


def test_signals_are_handled_after_detectors_came_and_went() -> None:
    """A process that replaces its weights lives on, and stops as it is asked to."""
    process = subprocess.run(
        [sys.executable, "-c", TWO_COME_AND_GO], cwd=ROOT, env={"PYTHONPATH": "handler"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert (process.returncode, process.stdout) == (0, "handled\n"), process.stderr
