# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an image says of where it comes from."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

_PREFIX = "org.opencontainers.image"  # OCI image-spec, annotations.md
_VERSION_FILE = Path("handler/roomdet/__init__.py")


def labels(context: Path) -> dict[str, str]:
    """Labels that change from commit to commit: version, commit and address of the source.

    The address is ``SOURCE_URL`` of the environment or, if it is one, that of git's origin.
    """
    version = re.search(
        r'^__version__ = "(.+)"', (context / _VERSION_FILE).read_text("utf-8"), re.M
    )
    revision = _git(context, "rev-parse", "HEAD") or "unknown"
    if _git(context, "status", "--porcelain", "--untracked-files=no"):
        revision += "-modified"
    origin = _git(context, "config", "remote.origin.url")
    source = os.environ.get("SOURCE_URL") or (origin if "://" in origin else "unknown")
    return {
        f"{_PREFIX}.version": version[1] if version else "unknown",
        f"{_PREFIX}.revision": revision,
        f"{_PREFIX}.source": source,
    }


def _git(folder: Path, *args: str) -> str:
    try:
        return subprocess.run(
            ["git", "-C", folder, *args], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
