# SPDX-License-Identifier: AGPL-3.0-or-later
"""``model.tar.gz``, which SageMaker unpacks into ``/opt/ml/model``: one archive, nothing else."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAME = "rooms.mar"


def pack_model(archive: Path, out: Path) -> None:
    """Write a ``.tar.gz`` that holds an archive as ``rooms.mar``.

    The same archive makes the same bytes: neither times nor names of users go in.

    Raises:
        OSError: If the archive cannot be read or the file not be written.
    """
    content = archive.read_bytes()
    entry = tarfile.TarInfo(NAME)  # owner root, time 0
    entry.size, entry.mode = len(content), 0o644
    out.parent.mkdir(parents=True, exist_ok=True)
    with (
        out.open("wb") as file,
        # An archive is a zip already; more than the fastest level only takes time.
        gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        tar.addfile(entry, io.BytesIO(content))
