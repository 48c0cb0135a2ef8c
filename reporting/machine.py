# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a figure was measured on; ``python -m reporting.machine`` prints it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

# Of this project's environment and of its peers'; each has only some of them.
PACKAGES = (
    "torchserve", "openvino", "numpy", "pillow", "pypdfium2", "zlib-ng", "kornia_rs",
    "torch", "ultralytics", "nncf", "sahi", "opencv-python", "fastapi", "uvicorn", "uvloop",
    "litserve",
)  # fmt: skip


def describe() -> dict[str, object]:
    """Date, CPU, cores and the versions of what is installed in the environment that asks."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": cpu_name(),
        "cores": cores(),
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def cpu_name() -> str:
    """Name of the processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    print(json.dumps(describe()))
