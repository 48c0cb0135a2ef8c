# SPDX-License-Identifier: AGPL-3.0-or-later
"""The archive: its listing, its digest, its notices, and what refuses to be packed."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest
import yaml

import roomdet
from archive.pack import PackError, content_digest, main, pack, read_digests
from roomdet.config import Config, settings
from tests.conftest import NETWORK, ROOT

if TYPE_CHECKING:
    from pathlib import Path

LISTING = [
    "LICENSE",
    "NOTICE",
    "SOURCE",
    "golden.png",
    "model-config.yaml",
    "network.bin",
    "network.json",
    "network.xml",
    "outlines.bin",
    "outlines.xml",
    "room_handler.py",
    "roomdet/__init__.py",
    "roomdet/anchors.py",
    "roomdet/ancillary.py",
    "roomdet/areas.py",
    "roomdet/base64_text.py",
    "roomdet/bodies.py",
    "roomdet/config.py",
    "roomdet/contours.py",
    "roomdet/detector.py",
    "roomdet/documents.py",
    "roomdet/encodings.py",
    "roomdet/errors.py",
    "roomdet/evidence.py",
    "roomdet/facts.py",
    "roomdet/filetypes.py",
    "roomdet/floor_cells.py",
    "roomdet/fork_server.py",
    "roomdet/forms.py",
    "roomdet/geometry.py",
    "roomdet/images.py",
    "roomdet/inflate.py",
    "roomdet/inspection.py",
    "roomdet/isolation.py",
    "roomdet/item.py",
    "roomdet/labels.py",
    "roomdet/libtiff.py",
    "roomdet/linework.py",
    "roomdet/logs.py",
    "roomdet/measures.py",
    "roomdet/memory.py",
    "roomdet/merging.py",
    "roomdet/network.py",
    "roomdet/nooks.py",
    "roomdet/ocr.py",
    "roomdet/outlines.py",
    "roomdet/page.py",
    "roomdet/page_process.py",
    "roomdet/pdf_linework.py",
    "roomdet/pdf_text.py",
    "roomdet/pictures.py",
    "roomdet/png.py",
    "roomdet/reduction.py",
    "roomdet/report.py",
    "roomdet/request.py",
    "roomdet/rescoring.py",
    "roomdet/room_crops.py",
    "roomdet/s3_address.py",
    "roomdet/s3_source.py",
    "roomdet/scale.py",
    "roomdet/scale_notes.py",
    "roomdet/schema.py",
    "roomdet/shared_memory.py",
    "roomdet/shown_page.py",
    "roomdet/slices.py",
    "roomdet/stitching.py",
    "roomdet/text_places.py",
    "roomdet/texts.py",
    "roomdet/tiff.py",
    "roomdet/tiff_rows.py",
    "roomdet/wall_faces.py",
    "sitecustomize.py",
]


CACHES = shutil.ignore_patterns("__pycache__")


def manifest_of(archive: Path) -> dict[str, object]:
    """TorchServe's manifest of an archive."""
    with zipfile.ZipFile(archive) as content:
        document: dict[str, object] = json.loads(content.read("MAR-INF/MANIFEST.json"))
    return document


def test_the_archive_holds_exactly_these_files(archive: Path) -> None:
    """No stray file, no checkpoint, no cache."""
    assert list(read_digests(archive)) == LISTING


def test_the_handler_is_packed_unchanged(archive: Path) -> None:
    """The same files run in the archive, the wheel and the tests."""
    with zipfile.ZipFile(archive) as content:
        for name in LISTING:
            source = ROOT / "handler" / name
            if source.exists():
                assert content.read(name) == source.read_bytes(), name


def test_the_weights_are_not_compressed(archive: Path) -> None:
    """Every start would unpack them twice; the rest is small and compressed."""
    with zipfile.ZipFile(archive) as content:
        methods = {entry.filename: entry.compress_type for entry in content.infolist()}

    assert methods.pop("network.bin") == zipfile.ZIP_STORED
    assert set(methods.values()) == {zipfile.ZIP_DEFLATED}


def test_the_manifest_names_handler_config_and_version(archive: Path) -> None:
    """TorchServe reads these."""
    model = manifest_of(archive)["model"]

    assert model == {
        "modelName": "rooms",
        "handler": "room_handler.py",
        "modelVersion": "1.0",
        "configFile": "model-config.yaml",
    }


def test_the_same_content_is_the_same_file(archive: Path, tmp_path: Path) -> None:
    """Packed at another time it has the same digest, which is what `apply` shows."""
    pack(NETWORK, tmp_path / "rooms.mar", version="1.0", root=ROOT)

    assert archive.read_bytes() == (tmp_path / "rooms.mar").read_bytes()


def test_the_default_version_is_the_package_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version stands in one place."""
    monkeypatch.chdir(ROOT)

    assert main(["--out", str(tmp_path / "rooms.mar")]) == 0

    report = json.loads((tmp_path / "rooms.mar.json").read_text())
    assert report["version"] == roomdet.__version__
    assert report["content_sha256"] == content_digest(tmp_path / "rooms.mar")


def test_the_changelog_knows_the_version() -> None:
    """The newest release in CHANGELOG.md is the package's version."""
    headings = [
        line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")
    ]

    assert headings[0].startswith(f"## {roomdet.__version__}")


def test_two_packs_of_the_same_content_have_one_digest(archive: Path, tmp_path: Path) -> None:
    """The digest ignores the time of packing; it notices another version."""
    again, other = tmp_path / "again.mar", tmp_path / "other.mar"
    pack(NETWORK, again, version="1.0", root=ROOT)
    pack(NETWORK, other, version="1.1", root=ROOT)

    assert content_digest(archive) == content_digest(again)
    assert content_digest(archive) != content_digest(other)


def test_untracked_files_are_not_packed(tmp_path: Path) -> None:
    """Packed is what git tracks, whatever else lies about."""
    checkout = tmp_path / "checkout"
    subprocess.run(["git", "init", "-q", checkout], check=True)
    shutil.copytree(ROOT / "handler", checkout / "handler", ignore=CACHES)
    for name in ("LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, checkout)
    subprocess.run(["git", "-C", checkout, "add", "."], check=True)
    (checkout / "handler" / "stray.pt").write_bytes(b"weights")
    (checkout / "handler" / ".hidden").write_text("secret")

    digests = pack(NETWORK, tmp_path / "rooms.mar", version="1", root=checkout)

    assert "room_handler.py" in digests
    assert not {"stray.pt", ".hidden"} & digests.keys()


def test_a_forgotten_module_is_named(tmp_path: Path) -> None:
    """A new module that git does not know yet would be missing in the archive."""
    checkout = tmp_path / "checkout"
    subprocess.run(["git", "init", "-q", checkout], check=True)
    shutil.copytree(ROOT / "handler", checkout / "handler", ignore=CACHES)
    subprocess.run(["git", "-C", checkout, "add", "."], check=True)
    (checkout / "handler" / "roomdet" / "new.py").write_text("")

    with pytest.raises(PackError, match=r"roomdet/new\.py"):
        pack(NETWORK, tmp_path / "rooms.mar", version="1", root=checkout)


def test_a_copy_without_git_is_packed_too(tmp_path: Path) -> None:
    """A downloaded source archive has no git; hidden files and caches stay out all the same."""
    for name in ("LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "handler", tmp_path / "handler")
    (tmp_path / "handler" / ".hidden.py").write_text("secret")

    assert LISTING == list(pack(NETWORK, tmp_path / "rooms.mar", version="1", root=tmp_path))


def test_a_damaged_network_is_not_packed(tmp_path: Path) -> None:
    """The digests are checked before anything is written."""
    network = tmp_path / "network"
    shutil.copytree(NETWORK, network)
    with (network / "network.bin").open("r+b") as file:
        file.write(b"damage")

    with pytest.raises(PackError, match=r"network\.bin has sha256"):
        pack(network, tmp_path / "rooms.mar", version="1", root=ROOT)

    assert not (tmp_path / "rooms.mar").exists()


@pytest.mark.parametrize("version", ["", "1 2", "../1", "-1", "1/2", "v" * 65])
def test_a_malformed_version_is_refused(tmp_path: Path, version: str) -> None:
    """Versions go into URLs and file names."""
    with pytest.raises(PackError, match="is no version"):
        pack(NETWORK, tmp_path / "rooms.mar", version=version, root=ROOT)


def test_the_packed_configuration_is_valid_and_the_documented_one() -> None:
    """model-config.yaml says what the defaults are, key by key, but for what is the operator's."""
    document = yaml.safe_load((ROOT / "handler" / "model-config.yaml").read_text())

    assert Config.load(document, {}) == Config.load({}, {})
    assert set(document["roomdet"]) == {
        setting.name for setting in settings() if not setting.metadata["is_operators"]
    }


def test_no_file_of_the_archive_is_a_pickle(archive: Path) -> None:
    """Pickles and the zip files that hold them start with known bytes."""
    with zipfile.ZipFile(archive) as content:
        for name in content.namelist():
            assert not content.read(name).startswith((b"\x80", b"PK")), name
