# SPDX-License-Identifier: AGPL-3.0-or-later
"""One archive is found and checked; anything else is refused in words."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from typing import TYPE_CHECKING

import pytest

from pid1.archive import check_archive, find_archive
from pid1.errors import StartError
from pid1.logs import log

if TYPE_CHECKING:
    from pathlib import Path


def write_archive(
    path: Path, *, handler: object = "room_handler.py", needs_torch: bool = False
) -> Path:
    """A zip of the form that torch-model-archiver writes."""
    with zipfile.ZipFile(path, "w") as content:
        content.writestr("room_handler.py", "pass\n" * 1000)
        content.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": {"handler": handler}}))
        if not needs_torch:
            content.writestr("sitecustomize.py", "")
    return path


def test_the_first_folder_with_an_archive_wins(tmp_path: Path) -> None:
    """SageMaker's model goes before the image's own."""
    given, baked_in = tmp_path / "model", tmp_path / "archive"
    given.mkdir()
    baked_in.mkdir()
    own = write_archive(baked_in / "rooms.mar")

    assert own == find_archive([given, baked_in])
    other = write_archive(given / "houses.mar")
    assert other == find_archive([given, baked_in])


@pytest.mark.parametrize(
    ("names", "told"),
    [
        pytest.param([], "model is empty; .*archive does not exist", id="nothing"),
        pytest.param(["model.pt", "code/"], r"has code/, model\.pt \(a checkpoint", id="a pickle"),
        pytest.param(["a.mar", "b.mar"], r"2 archives, one is expected: a\.mar, b\.mar", id="two"),
        pytest.param([f"{n:02}" for n in range(12)], "09 and 2 more", id="a long list"),
        pytest.param(["rooms.mar/"], "has rooms.mar/", id="an unpacked one"),
    ],
)
def test_it_says_what_it_saw(tmp_path: Path, names: list[str], told: str) -> None:
    """Whoever packed the model sees what came."""
    model = tmp_path / "model"
    model.mkdir()
    for name in names:
        (model / name).mkdir() if name.endswith("/") else (model / name).touch()

    with pytest.raises(StartError, match=told):
        find_archive([model, tmp_path / "archive"])


def test_a_link_is_followed_and_a_broken_one_told(tmp_path: Path) -> None:
    """One that SageMaker's tar brought without its target looks like a file in a listing."""
    target = write_archive(tmp_path / "target")
    model = tmp_path / "model"
    model.mkdir()
    (model / "rooms.mar").symlink_to(target)
    assert find_archive([model]) == model / "rooms.mar"

    target.unlink()
    with pytest.raises(StartError, match=r"has rooms\.mar \(a broken link\)"):
        find_archive([model])


def test_an_archive_in_a_folder_is_told(tmp_path: Path) -> None:
    """`tar czf model.tar.gz model_store` is easily said."""
    (tmp_path / "model_store").mkdir()
    write_archive(tmp_path / "model_store" / "rooms.mar")

    with pytest.raises(StartError, match=r"model_store/ \(model_store/rooms\.mar lies too deep"):
        find_archive([tmp_path])


def test_attributes_of_macos_are_no_archive(tmp_path: Path) -> None:
    """Its tar packs them beside each file."""
    (tmp_path / "._rooms.mar").touch()
    archive = write_archive(tmp_path / "rooms.mar")

    assert archive == find_archive([tmp_path])


def test_a_name_in_another_encoding_can_be_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The line stays UTF-8 and JSON."""
    (tmp_path / os.fsdecode(b"pl\xe4ne.pt")).touch()

    with pytest.raises(StartError) as refusal:
        find_archive([tmp_path])
    log(str(refusal.value))

    assert "has pl?ne.pt (a checkpoint" in json.loads(capfd.readouterr().out)["message"]


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Such as a file in its place; a folder of another user is the like. No other is taken."""
    (tmp_path / "model").touch()
    write_archive(tmp_path / "rooms.mar")

    with pytest.raises(StartError, match="model cannot be read by user"):
        find_archive([tmp_path / "model", tmp_path])


def test_a_whole_archive_passes_with_its_digest(tmp_path: Path) -> None:
    """In either case of the letters; without a digest it is not asked for."""
    archive = write_archive(tmp_path / "rooms.mar")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()

    assert digest == check_archive(archive, digest.upper())
    assert digest == check_archive(archive, None)


def test_another_digest_is_refused(tmp_path: Path) -> None:
    """Both digests are named."""
    with pytest.raises(StartError, match=r"has sha256 [0-9a-f]{64}; ROOMDET_\w+ says 00"):
        check_archive(write_archive(tmp_path / "rooms.mar"), "0" * 64)


def test_damage_is_refused(tmp_path: Path) -> None:
    """A flipped byte, a lost end, no zip, no entry point."""
    archive = write_archive(tmp_path / "rooms.mar")
    whole = archive.read_bytes()
    spoiled = {
        "damaged: room_handler.py": whole[:100] + bytes([whole[100] ^ 1]) + whole[101:],
        "no TorchServe archive": whole[: len(whole) // 2],
        "no TorchServe archive, or": b"PK",
    }
    for told, content in spoiled.items():
        archive.write_bytes(content)
        with pytest.raises(StartError, match=told):
            check_archive(archive, None)
    with pytest.raises(StartError, match=r"lacks its own entry point, other\.py"):
        check_archive(write_archive(archive, handler="other.py"), None)
    with pytest.raises(StartError, match=r"lacks its own entry point, \['other\.py'\]"):
        check_archive(write_archive(archive, handler=["other.py"]), None)


def test_an_archive_that_needs_torch_is_refused(tmp_path: Path) -> None:
    """The image has none, and the worker would die without a word of that."""
    with pytest.raises(StartError, match="needs torch, which this image does not have"):
        check_archive(write_archive(tmp_path / "rooms.mar", needs_torch=True), None)
