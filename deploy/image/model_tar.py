# SPDX-License-Identifier: AGPL-3.0-or-later
"""``model.tar.gz``, which SageMaker unpacks into ``/opt/ml/model``: one archive, nothing else."""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import tarfile
import zlib
from typing import TYPE_CHECKING

from serving.errors import ArchiveError

if TYPE_CHECKING:
    from pathlib import Path

NAME = "rooms.mar"


def pack_model(archive: Path, out: Path) -> str:
    """Write a ``.tar.gz`` that holds an archive as ``rooms.mar``.

    The same archive makes the same bytes: neither times nor names of users go in.

    Returns:
        The sha256 of the archive.

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
    return hashlib.sha256(content).hexdigest()


def unpack_model(packed: bytes, archive: Path) -> str:
    """Write the archive of a ``.tar.gz`` to a file.

    Args:
        packed: The ``.tar.gz``.
        archive: Is written.

    Returns:
        The sha256 of the archive.

    Raises:
        ArchiveError: If there is none in it.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r|gz") as tar:
            for entry in tar:
                content = tar.extractfile(entry) if entry.name == NAME else None
                if content is not None:
                    with archive.open("wb") as file:
                        shutil.copyfileobj(content, file)
                    with archive.open("rb") as file:
                        return hashlib.file_digest(file, "sha256").hexdigest()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as err:
        raise ArchiveError(f"the model's file is no .tar.gz: {err}") from err
    raise ArchiveError(f"the model's file has no {NAME}")
