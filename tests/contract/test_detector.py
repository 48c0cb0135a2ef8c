# SPDX-License-Identifier: AGPL-3.0-or-later
"""Detectors and OpenVINO's runtime in one process."""

from __future__ import annotations

import os
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


WANT_OF_MEMORY = """
import resource
from pathlib import Path
import numpy as np
from roomdet import memory
from roomdet.config import Config
from roomdet.detector import load_detector
from roomdet.errors import ModelError
from roomdet.request import RequestOptions

def detect(width, height):
    try:
        detector.detect(np.full((height, width, 3), 255, np.uint8), RequestOptions())
    except (MemoryError, ModelError, RuntimeError):
        return "failed"
    return "found"

forms = [(640, 320), (320, 640), (640, 640), (160, 640)]
for allowance_mb in (1, 2, 4, 8):
    detector = load_detector(Path("weights/rooms"), Config())
    memory.limit_memory(allowance_mb)
    during = [detect(*form) for form in forms]
    resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY,) * 2)
    print(*during, "then", *(detect(*form) for form in forms))
"""


def test_a_pass_without_memory_harms_no_later_one() -> None:
    """Whatever broke off inside the network, canvases of all forms are looked at afterwards."""
    ended = subprocess.run(
        [sys.executable, "-c", WANT_OF_MEMORY],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "handler")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert "failed" in ended.stdout
    for line in ended.stdout.splitlines():
        assert line.partition(" then ")[2] == "found found found found", ended.stdout
