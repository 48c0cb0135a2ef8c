# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pack the handler and an exported network as a TorchServe archive.

``python -m archive.pack --network weights/rooms --out model_store/rooms.mar``
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import roomdet
from archive import bom
from roomdet import network
from roomdet.errors import ModelError

MODEL_NAME = "rooms"
HANDLER = Path("handler")
ENTRY_POINT = "room_handler.py"
CONFIG = "model-config.yaml"
NOTICES = ("LICENSE", "NOTICE")
ARCHIVE_MANIFEST = "MAR-INF/MANIFEST.json"
# TorchServe sorts versions as text and takes them into URLs; this much is safe in both.
_NO_TIME, _NO_DATE = (1980, 1, 1, 0, 0, 0), "01/01/1980 00:00:00"  # a zip knows none before
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,63}")


class PackError(Exception):
    """The archive cannot be packed; the message says why."""


def pack(network_folder: Path, out: Path, *, version: str, root: Path) -> dict[str, str]:
    """Pack an archive.

    Args:
        network_folder: As :mod:`archive.export` writes it; every file's sha256 is checked.
        out: The ``.mar`` to write.
        version: Version under which TorchServe registers it.
        root: The checkout; the handler's tracked files are packed.

    Returns:
        sha256 of each file of the archive by name, TorchServe's manifest left out.

    Raises:
        PackError: If the version is malformed, the network is damaged, or git does not answer.
    """
    if not _VERSION.fullmatch(version):
        raise PackError(f"{version!r} is no version; letters, digits, '.', '+' and '-' are allowed")
    try:
        manifest = network.NetworkManifest.read(network_folder)
    except ModelError as err:
        raise PackError(f"{network_folder}: {err}") from err
    with tempfile.TemporaryDirectory() as scratch:
        stage = Path(scratch, "stage")
        for name in _tracked_files(root, HANDLER):
            _copy(root / HANDLER / name, stage / name)
        for name in (network.MANIFEST, *manifest.files):
            _copy(network_folder / name, stage / name)
        for name in NOTICES:
            _copy(root / name, stage / name)
        (stage / "SOURCE").write_text(_source_offer(root), "utf-8")
        _archive(stage, out, version)
        expected = {str(path.relative_to(stage)) for path in stage.rglob("*") if path.is_file()}
    digests = read_digests(out)
    if set(digests) != expected:
        raise PackError(f"{out} holds {sorted(digests)}; expected {sorted(expected)}")
    return digests


def read_digests(archive: Path) -> dict[str, str]:
    """sha256 of each file in an archive by name, sorted, TorchServe's manifest left out."""
    with zipfile.ZipFile(archive) as content:
        return {
            name: hashlib.sha256(content.read(name)).hexdigest()
            for name in sorted(content.namelist())
            if not name.endswith("/") and name != ARCHIVE_MANIFEST
        }


def content_digest(archive: Path) -> str:
    """One sha256 for an archive's content and version.

    Two archives of the same content have the same digest, although their bytes differ: a zip
    and TorchServe's manifest hold the time of packing.
    """
    with zipfile.ZipFile(archive) as content:
        manifest = json.loads(content.read(ARCHIVE_MANIFEST))
    manifest.pop("createdOn", None)
    lines = [f"{digest}  {name}" for name, digest in read_digests(archive).items()]
    lines.append(json.dumps(manifest, sort_keys=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _tracked_files(root: Path, folder: Path) -> list[str]:
    """The handler's files: those that git tracks or, in a copy without git, all but hidden ones."""
    if (root / ".git").exists():
        listing = _git(root / folder, "ls-files", "-z")
        if listing is None:
            raise PackError("git does not list the handler's files")
        names = [name for name in listing.split("\0") if name and (root / folder / name).is_file()]
        forgotten = _git(root / folder, "ls-files", "--others", "--exclude-standard", "*.py")
        if forgotten:
            raise PackError(f"not tracked by git, so not packed: {forgotten.split()}; git add them")
    else:
        paths = (path.relative_to(root / folder) for path in (root / folder).rglob("*.*"))
        names = [
            str(path)
            for path in paths
            if path.suffix in {".py", ".yaml"} and not path.name.startswith(".")
        ]
    if ENTRY_POINT not in names:
        raise PackError(f"{folder / ENTRY_POINT} is missing or not tracked by git")
    return names


def _source_offer(root: Path) -> str:
    commit = (_git(root, "rev-parse", "HEAD") or "unknown").strip()
    return (
        f"{MODEL_NAME}.mar, packed from commit {commit}\n"
        "License: AGPL-3.0-or-later, the weights AGPL-3.0-only; see LICENSE and NOTICE.\n"
        "Whoever uses this program over a network may ask its operator for the source code of\n"
        "this commit, with the operator's changes (AGPL-3.0, section 13).\n"
    )


def _git(folder: Path, *args: str) -> str | None:
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *args], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _archive(stage: Path, out: Path, version: str) -> None:
    """Run torch-model-archiver with a scratch folder of its own, so that packs never collide."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        command = [
            "env", f"TMPDIR={scratch}",
            sys.executable, "-m", "model_archiver.model_packaging",
            "--model-name", MODEL_NAME, "--version", version, "--export-path", scratch,
            "--handler", str(stage / ENTRY_POINT), "--config-file", str(stage / CONFIG),
            "--extra-files", str(stage),
        ]  # fmt: skip
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise PackError(f"torch-model-archiver failed:\n{result.stderr}")
        _store_weights(Path(scratch, f"{MODEL_NAME}.mar"), out)


def _store_weights(packed: Path, out: Path) -> None:
    """Copy an archive with its weights uncompressed, and without the time of packing.

    Compression makes them 8 % smaller, and every start unpacks them twice: to check the archive,
    and to serve it. SageMaker's model.tar.gz compresses them all the same. Without times the same
    content is the same file, with one digest wherever it is shown.
    """
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(out, "w") as target:
        for name in sorted(name for name in source.namelist() if not name.endswith("/")):
            content = source.read(name)
            if name == ARCHIVE_MANIFEST:
                manifest = json.loads(content)
                manifest["createdOn"] = _NO_DATE  # without one TorchServe warns
                content = json.dumps(manifest, indent=2, sort_keys=True).encode()
            is_stored = name == network.WEIGHTS
            method = zipfile.ZIP_STORED if is_stored else zipfile.ZIP_DEFLATED
            target.writestr(zipfile.ZipInfo(name, _NO_TIME), content, method)


def record(out: Path, digests: dict[str, str], version: str) -> Path:
    """Write ``<archive>.json`` beside an archive: version, size and digests.

    And the same for programs that read such lists, CycloneDX's, as ``<archive>.cdx.json``.
    """
    report = {
        "archive": out.name,
        "version": version,
        "bytes": out.stat().st_size,
        "sha256": network.sha256_of(out),
        "content_sha256": content_digest(out),
        "files": digests,
    }
    path = out.with_name(out.name + ".json")
    path.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    listed = json.dumps(bom.document(report), indent=1)
    out.with_name(out.name + ".cdx.json").write_text(f"{listed}\n", "utf-8")
    return path


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 when the archive is packed, 1 when it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m archive.pack", description=__doc__)
    parser.add_argument("--network", type=Path, default=Path("weights/rooms"))
    parser.add_argument("--out", type=Path, default=Path("model_store/rooms.mar"))
    parser.add_argument("--version", default=roomdet.__version__)
    args = parser.parse_args(argv)
    try:
        digests = pack(args.network, args.out, version=args.version, root=Path.cwd())
    except PackError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    report = record(args.out, digests, args.version)
    print(
        f"{args.out}: version {args.version}, {args.out.stat().st_size:,} bytes, sha256 "
        f"{network.sha256_of(args.out)} (of each file: {report})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
