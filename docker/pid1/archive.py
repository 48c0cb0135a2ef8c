# SPDX-License-Identifier: AGPL-3.0-or-later
"""The one archive that the container serves: found, and checked before TorchServe sees it."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from typing import TYPE_CHECKING

from pid1.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_MANIFEST = "MAR-INF/MANIFEST.json"
# Lets the worker start without torch, which the image does not have.
_WITHOUT_TORCH = "sitecustomize.py"
# What zipfile raises for bytes that are no zip, or not quite.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)
_MOST_NAMES = 10  # of a folder's files, in a message


def find_archive(folders: Sequence[Path]) -> Path:
    """Find the archive in the first folder that holds any.

    Args:
        folders: Where to look: SageMaker's model folder, then the image's own.

    Raises:
        StartError: If there is none, a folder holds several, or one cannot be read; the message
            says what is there.
    """
    for folder in folders:
        try:
            found = _archives_in(folder)
        except FileNotFoundError:
            continue
        except OSError as err:
            user = os.getuid()
            raise StartError(f"{folder} cannot be read by user {user}: {err.strerror}") from err
        if len(found) > 1:
            listed = ", ".join(path.name for path in found)
            raise StartError(f"{folder} holds {len(found)} archives, one is expected: {listed}")
        if found:
            return found[0]
    raise StartError(f"no archive (*.mar) found: {'; '.join(map(_describe, folders))}")


def check_archive(archive: Path, expected_sha256: str | None) -> str:
    """Check an archive's digest, where one is given, and that it is whole.

    Args:
        archive: The ``.mar``.
        expected_sha256: Hexadecimal sha256 of the file, or None.

    Returns:
        The file's sha256.

    Raises:
        StartError: If the digest differs, or TorchServe could not unpack the archive.
    """
    try:
        with archive.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise StartError(f"{archive} cannot be read: {err.strerror}") from err
    if expected_sha256 and digest != expected_sha256.lower():
        raise StartError(
            f"{archive} has sha256 {digest}; ROOMDET_ARCHIVE_SHA256 says {expected_sha256}"
        )
    try:
        with zipfile.ZipFile(archive) as content:
            damaged = content.testzip()
            names = set(content.namelist())
            handler = str(json.loads(content.read(_MANIFEST))["model"]["handler"])
    except (*_UNREADABLE, KeyError, TypeError, ValueError) as err:
        raise StartError(f"{archive} is no TorchServe archive, or damaged: {err}") from err
    if damaged:
        raise StartError(f"{archive} is damaged: {damaged}")
    if handler not in names:
        raise StartError(f"{archive} lacks its own entry point, {handler}")
    if _WITHOUT_TORCH not in names:
        raise StartError(
            f"{archive} needs torch, which this image does not have; `make archive` packs one that "
            "does without"
        )
    return digest


def _archives_in(folder: Path) -> list[Path]:
    # macOS' tar adds ._rooms.mar, which holds attributes, to rooms.mar.
    names = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(path for path in names if path.suffix == ".mar" and path.is_file())


def _describe(folder: Path) -> str:
    """What a folder holds, for the person who expected an archive there."""
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        return f"{folder} does not exist"
    if not paths:
        return f"{folder} is empty"
    names = [path.name + _kind(path) for path in paths]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    seen = f"{folder} has {', '.join(names[:_MOST_NAMES])}{more}"
    if any(name.endswith((".pt", ".pth", ".onnx")) for name in names):
        seen += " (a checkpoint is no archive: `make archive WEIGHTS=…` packs one)"
    if nested := sorted(folder.glob("*/*.mar")):
        seen += f" ({nested[0].relative_to(folder)} lies too deep: `make model-tar` packs it right)"
    return seen


def _kind(path: Path) -> str:
    """What a name does not tell."""
    if path.is_dir():
        return "/"
    return "" if path.is_file() else " (no file)" if path.exists() else " (a broken link)"
