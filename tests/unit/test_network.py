# SPDX-License-Identifier: AGPL-3.0-or-later
"""The network's manifest, its digests, and the golden plan's verdict."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from roomdet import network
from roomdet.errors import ModelError
from roomdet.geometry import Detections
from roomdet.network import GoldenRoom, NetworkManifest, check_golden

if TYPE_CHECKING:
    from pathlib import Path

BED = (0.1, 0.1, 0.4, 0.4)
BATH = (0.5, 0.5, 0.9, 0.9)
NUDGED_BED = (0.1, 0.1, 0.41, 0.4)  # IoU with BED 0.968
MOVED_BED = (0.15, 0.1, 0.45, 0.4)  # IoU with BED 0.714
EXPECTED = (GoldenRoom(BED, 0.9), GoldenRoom(BATH, 0.5))


def found(*rooms: tuple[tuple[float, float, float, float], float]) -> Detections:
    """Detections from boxes and scores."""
    boxes = np.array([box for box, _ in rooms], np.float32).reshape(-1, 4)
    return Detections(boxes, np.array([score for _, score in rooms], np.float32))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A network folder with small files and true digests."""
    names = (network.TOPOLOGY, network.WEIGHTS, network.GOLDEN_PLAN)
    for name in names:
        (tmp_path / name).write_text(name)
    digests = {name: network.sha256_of(tmp_path / name) for name in names}
    NetworkManifest(640, ("room",), "0" * 64, {"openvino": "1"}, digests, EXPECTED).write(tmp_path)
    return tmp_path


def test_a_manifest_is_read_as_it_was_written(folder: Path) -> None:
    """Nothing is lost on the way through JSON."""
    manifest = NetworkManifest.read(folder)

    assert manifest.golden == EXPECTED
    assert manifest.classes == ("room",)


@pytest.mark.parametrize(
    "name", [network.TOPOLOGY, network.WEIGHTS, network.GOLDEN_PLAN, network.MANIFEST]
)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    """The operator reads which file is missing."""
    (folder / name).unlink()

    with pytest.raises(ModelError, match=f"{name} is missing"):
        NetworkManifest.read(folder)


@pytest.mark.parametrize("name", [network.TOPOLOGY, network.WEIGHTS, network.GOLDEN_PLAN])
def test_a_changed_file_is_named(folder: Path, name: str) -> None:
    """One byte suffices."""
    (folder / name).write_text(name + " ")

    with pytest.raises(ModelError, match=f"{name} has sha256"):
        NetworkManifest.read(folder)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda raw: raw | {"format": 1}, id="former-format"),
        pytest.param(lambda raw: raw | {"surprise": 1}, id="unknown-key"),
        pytest.param(lambda raw: {k: v for k, v in raw.items() if k != "golden"}, id="no-golden"),
        pytest.param(lambda raw: raw | {"files": {}}, id="no-files"),
        pytest.param(lambda raw: raw | {"golden": [{"confidence": 1}]}, id="room-without-box"),
        pytest.param(lambda raw: [raw], id="a-list"),
    ],
)
def test_another_manifest_is_refused(folder: Path, change) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """A manifest of another form never loads half."""
    path = folder / network.MANIFEST
    path.write_text(json.dumps(change(json.loads(path.read_text()))))

    with pytest.raises(ModelError):
        NetworkManifest.read(folder)


@pytest.mark.parametrize(
    "rooms",
    [
        pytest.param(found((BED, 0.9), (BATH, 0.5)), id="the-same"),
        pytest.param(found((NUDGED_BED, 0.8), (BATH, 0.3)), id="nudged-and-less-certain"),
        pytest.param(found((BED, 0.9), (BATH, 0.5), ((0, 0, 1, 1), 0.6)), id="unsure-extra"),
    ],
)
def test_the_golden_rooms_found_again_pass(rooms: Detections) -> None:
    """Other arithmetic may move a box a little and add a doubtful one."""
    check_golden(rooms, EXPECTED)


@pytest.mark.parametrize(
    ("rooms", "message"),
    [
        pytest.param(found(), "2 of 2 expected rooms missed", id="nothing"),
        pytest.param(found((BED, 0.9)), "1 of 2 expected rooms missed", id="one-missed"),
        pytest.param(found((MOVED_BED, 0.9), (BATH, 0.5)), "1 of 2 expected", id="moved"),
        pytest.param(
            found((BED, 0.9), (BATH, 0.5), ((0, 0, 1, 1), 0.61)), "1 unexpected", id="sure-extra"
        ),
    ],
)
def test_other_rooms_fail(rooms: Detections, message: str) -> None:
    """The message counts what is missed and what is new."""
    with pytest.raises(ModelError, match=message):
        check_golden(rooms, EXPECTED)


def test_an_archive_that_expects_nothing_still_refuses_sure_rooms() -> None:
    """Weights packed without rooms are compared too."""
    check_golden(found(((0, 0, 1, 1), 0.5)), ())

    with pytest.raises(ModelError, match="1 unexpected"):
        check_golden(found(((0, 0, 1, 1), 0.9)), ())
