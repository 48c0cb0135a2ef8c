# SPDX-License-Identifier: AGPL-3.0-or-later
"""What builds the image and packs its model."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING

import pytest

import roomdet
from deploy.errors import EngineError
from deploy.image.engine import Build, Engine, build_commands
from deploy.image.model_tar import pack_model
from deploy.image.sizes import Layer, measure, table
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


@pytest.fixture
def engine(tmp_path: Path) -> str:
    """A program that has one image, ``rooms:1``, of two layers."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as files:
        file = tarfile.TarInfo("a")
        file.size = 5_000
        files.addfile(file, io.BytesIO(bytes(file.size)))
    history = [{"created_by": "ADD base"}, {"empty_layer": True}, {"created_by": "COPY ours"}]
    parts = {
        "manifest.json": json.dumps([{"Config": "c.json", "Layers": ["0.tar", "1.tar"]}]).encode(),
        "c.json": json.dumps({"history": history}).encode(),
        "0.tar": layer.getvalue(),
        "1.tar": layer.getvalue(),
    }
    with tarfile.open(tmp_path / "rooms.tar", "w") as saved:
        for name, data in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            saved.addfile(entry, io.BytesIO(data))
    program = tmp_path / "engine"
    program.write_text(
        f"""#!/bin/sh
        case "$*" in
          "image inspect rooms:1") echo '[{{"RootFS": {{"Layers": ["x", "y"]}}}}]';;
          "image inspect "*) echo "no such image" >&2; exit 125;;
          "save --output "*" rooms:1") cp '{tmp_path}/rooms.tar' "$3";;
          *) exit 1;;
        esac
        """
    )
    program.chmod(0o755)
    return str(program)


def test_sizes_need_no_base(engine: str) -> None:
    """Without one, every layer has its own origin."""
    layers = measure(engine, "rooms:1")

    assert [("ADD base", 5_000), ("COPY ours", 5_000)] == [
        (layer.origin, layer.unpacked_bytes) for layer in layers
    ]
    assert all(0 < layer.compressed_bytes < 5_000 for layer in layers)


@pytest.mark.parametrize(
    ("image", "base", "message"),
    [
        ("none:1", None, "no image none:1 is stored here; make image TAG=none:1 builds it"),
        ("rooms:1", "b:1", "no image b:1 is stored here; `.*engine pull b:1` gets it, --base"),
    ],
)
def test_sizes_of_an_image_that_is_not_here_say_how_to_get_it(
    engine: str, image: str, base: str | None, message: str
) -> None:
    """And what the engine said itself."""
    with pytest.raises(EngineError, match=message) as caught:
        measure(engine, image, base)

    assert "no such image" in str(caught.value)
