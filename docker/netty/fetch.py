#!/usr/bin/env python3
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Fetch netty's jars, which go before TorchServe's, into a folder (README.md): ``make netty``.

They are taken out of a source distribution of PyPI, whose hash pip checks; ``SHA256SUMS`` names
them.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

HERE = Path(__file__).parent
_LIBRARY = "netty-transport-native-epoll-"


def wanted() -> dict[str, str]:
    """SHA-256 of each file, by its place in this folder."""
    lines = (HERE / "SHA256SUMS").read_text("utf-8").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def download(folder: Path) -> Path:
    """The source distribution that requirements.txt names, about 450 MB."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command += ["--no-deps", "--no-cache-dir", "--require-hashes", "--dest", str(folder)]
    subprocess.run([*command, "-r", str(HERE / "requirements.txt")], check=True)
    (file,) = folder.iterdir()
    return file


def take(file: Path, names: set[str]) -> dict[str, bytes]:
    """Contents of jars, and of the libraries that lie in jars of their own."""
    found: dict[str, bytes] = {}
    with tarfile.open(file, "r|gz") as archive:
        for member in archive:
            jar = PurePosixPath(member.name).name
            content = archive.extractfile(member)
            if content is None or not jar.startswith("netty-"):
                continue
            if jar in names:
                found[jar] = content.read()
            elif jar.startswith(_LIBRARY):
                with zipfile.ZipFile(io.BytesIO(content.read())) as inner:
                    for entry in inner.namelist():
                        name = f"native/{PurePosixPath(entry).name}"
                        if name in names:
                            found[name] = inner.read(entry)
    return found


def main() -> int:
    """Run the command; 1 if a file is missing or is another one."""
    digests = wanted()
    with tempfile.TemporaryDirectory() as folder:
        found = take(download(Path(folder)), set(digests))
    for name, digest in digests.items():
        if hashlib.sha256(found.get(name, b"")).hexdigest() != digest:
            print(f"error: {name} is not there, or not the one of SHA256SUMS", file=sys.stderr)
            return 1
    (HERE / "native").mkdir(exist_ok=True)
    for name, content in found.items():
        (HERE / name).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
