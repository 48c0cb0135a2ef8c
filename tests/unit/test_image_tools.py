# SPDX-License-Identifier: AGPL-3.0-or-later
"""What builds the image and packs its model."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest

import roomdet
from deploy.image.engine import Build, Engine, build_commands
from deploy.image.model_tar import pack_model
from deploy.image.sizes import Layer, table
from deploy.image.source import labels
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PUSHED = Build("registry/rooms:1", {"BASE": "a"}, {"v": "1"}, ("--quiet",), is_pushed=True)


def test_the_same_archive_gives_the_same_model(tmp_path: Path) -> None:
    """One file of root's, readable by all, whatever the archive is called and whose it is."""
    archive = tmp_path / "houses.mar"
    archive.write_bytes(b"any bytes" * 1000)
    archive.chmod(0o600)
    pack_model(archive, tmp_path / "a" / "model.tar.gz")
    renamed = archive.rename(tmp_path / "rooms.mar")
    renamed.touch()
    pack_model(renamed, tmp_path / "b.tar.gz")

    assert (tmp_path / "a" / "model.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "b.tar.gz") as tar:
        (entry,) = tar.getmembers()
        assert ("rooms.mar", 0o644, 0, 0, 0) == (
            entry.name, entry.mode, entry.uid, entry.gid, entry.mtime
        )  # fmt: skip
        content = tar.extractfile(entry)
        assert content
        assert renamed.read_bytes() == content.read()


def test_buildx_pushes_dockers_manifest_without_attestations() -> None:
    """BuildKit's own choice would be an OCI index, which SageMaker refuses."""
    (command,) = build_commands(Engine.BUILDX, PUSHED)

    assert "type=image,name=registry/rooms:1,push=true,oci-mediatypes=false" in command
    assert {
        "--provenance=false",
        "--sbom=false",
        "--build-arg=BASE=a",
        "--label=v=1",
        "--quiet",
    } <= set(command)


def test_podman_builds_and_pushes_dockers_manifest() -> None:
    """Its own choice would be an OCI manifest."""
    build, push = build_commands(Engine.PODMAN, PUSHED)

    assert build[:4] == ["podman", "build", "--format", "docker"]
    assert push == ["podman", "push", "--format", "v2s2", "registry/rooms:1"]


@pytest.mark.parametrize("engine", list(Engine))
def test_nothing_is_pushed_unasked_and_always_for_amd64(engine: Engine) -> None:
    """Also on an arm64 Mac."""
    (command,) = build_commands(engine, Build("rooms:1"))

    assert "push" not in " ".join(command)
    assert command[command.index("--platform") + 1] == "linux/amd64"


def test_labels_tell_version_commit_and_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address can be given; git's origin is taken only where it is one."""
    monkeypatch.setenv("SOURCE_URL", "https://example.org/rooms")

    told = labels(ROOT)

    assert roomdet.__version__ == told["org.opencontainers.image.version"]
    assert len(told["org.opencontainers.image.revision"].removesuffix("-modified")) == 40
    assert told["org.opencontainers.image.source"] == "https://example.org/rooms"


def test_sizes_show_the_base_apart() -> None:
    """Its layers are one line."""
    layers = [Layer("", 100_000_000, 40_000_000), Layer("", 1_000_000, 500_000)]

    origin = "/bin/sh -c #(nop) COPY dir:0123456789abcdef in /opt/torch "
    lines = table([*layers, Layer(origin, 9_000_000, 3_000_000)]).splitlines()

    assert lines[1].split() == ["101.0", "40.5", "the", "base", "image"]
    assert lines[2].split() == ["9.0", "3.0", "COPY", "/opt/torch"]
    assert lines[3].split() == ["110.0", "43.5", "all"]
