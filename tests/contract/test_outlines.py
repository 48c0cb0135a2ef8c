# SPDX-License-Identifier: AGPL-3.0-or-later
"""The shipped outline network: on the sample plan, in an archive, and where it is missing."""

from __future__ import annotations

import json
import shutil
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
import pytest
from PIL import Image, ImageDraw

from archive.outlines import add_outlines, main
from evaluation.outlines import main as evaluate
from roomdet import outlines
from roomdet.errors import ModelError
from roomdet.network import MANIFEST, NetworkManifest
from roomdet.outlines import BEYOND_BOX, NoOutlines, OutlineNetwork, load_outlines
from tests.conftest import NETWORK, SAMPLE_PNG

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


@pytest.fixture(scope="module")
def network() -> OutlineNetwork:
    """The shipped one."""
    return OutlineNetwork(NETWORK, threads=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped network's folder."""
    return shutil.copytree(NETWORK, tmp_path / "network")


def plan_and_boxes() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """The sample plan and its eleven rooms."""
    golden = NetworkManifest.read(NETWORK).golden
    boxes = np.array([room.box_xyxy_norm for room in golden], np.float32)
    with Image.open(SAMPLE_PNG) as opened:
        return np.array(opened.convert("RGB")), boxes


def test_each_room_of_the_sample_plan_has_its_outline(network: OutlineNetwork) -> None:
    """Eleven polygons that fill their boxes, lie in them, and share nothing but walls."""
    pixels, boxes = plan_and_boxes()
    found = network.outlines(pixels, boxes)

    assert [outline.reason for outline in found] == [""] * 11
    masks = []
    for outline, box in zip(found, boxes.astype(np.float64), strict=True):
        assert outline.polygon is not None
        assert (outline.polygon >= box[:2] - BEYOND_BOX - 1e-4).all()
        assert (outline.polygon <= box[2:] + BEYOND_BOX + 1e-4).all()
        picture = Image.new("1", pixels.shape[1::-1])
        points = [tuple(point) for point in outline.polygon * picture.size]
        ImageDraw.Draw(picture).polygon(points, fill=1)
        masks.append(np.asarray(picture))
        area = float(np.prod(box[2:] - box[:2])) * picture.size[0] * picture.size[1]
        assert masks[-1].sum() > 0.93 * area
    for one, other in combinations(masks, 2):
        assert (one & other).mean() < 1e-4


def test_a_room_is_the_same_alone_and_among_others(network: OutlineNetwork) -> None:
    """More rooms than the network takes at once are drawn as each alone."""
    pixels, boxes = plan_and_boxes()
    (alone,) = network.outlines(pixels, boxes[:1])
    among = network.outlines(pixels, np.tile(boxes, (4, 1)))

    assert len(among) == 44
    assert alone.polygon is not None
    for outline in (among[0], among[33]):
        assert outline.polygon is not None
        assert np.abs(outline.polygon - alone.polygon).max() <= 2e-4


def test_no_rooms_have_no_outlines(network: OutlineNetwork) -> None:
    """A page without rooms is no special case."""
    assert network.outlines(plan_and_boxes()[0], np.zeros((0, 4), np.float32)) == []


def test_the_shipped_network_is_loaded() -> None:
    """The archive's manifest names it."""
    assert isinstance(load_outlines(NETWORK, threads=1), OutlineNetwork)


def test_an_archive_without_it_loads_and_refuses(folder: Path) -> None:
    """An archive that was packed before there were outlines stays good."""
    text = json.loads((folder / MANIFEST).read_text("utf-8"))
    for name in (outlines.TOPOLOGY, outlines.WEIGHTS):
        del text["files"][name]
        (folder / name).unlink()
    (folder / MANIFEST).write_text(json.dumps(text), "utf-8")

    assert isinstance(load_outlines(folder), NoOutlines)
    add_outlines(NETWORK, folder)
    assert isinstance(load_outlines(folder, threads=1), OutlineNetwork)


def test_one_that_lies_there_is_named(folder: Path) -> None:
    """An export into its own folder writes a manifest without it first."""
    text = json.loads((folder / MANIFEST).read_text("utf-8"))
    for name in (outlines.TOPOLOGY, outlines.WEIGHTS):
        del text["files"][name]
    (folder / MANIFEST).write_text(json.dumps(text), "utf-8")

    add_outlines(folder, folder)
    assert isinstance(load_outlines(folder, threads=1), OutlineNetwork)


def test_a_damaged_one_is_refused(folder: Path) -> None:
    """Its digests are checked as the detector's are."""
    (folder / outlines.WEIGHTS).write_bytes(b"other weights")
    with pytest.raises(ModelError, match=r"outlines\.bin has sha256"):
        load_outlines(folder)


def test_another_network_is_refused(folder: Path, tmp_path: Path) -> None:
    """What does not answer with masks is no outline network."""
    picture = ov.opset13.parameter([-1, 1, 128, 128], ov.Type.f32)
    rows = ov.opset13.reduce_mean(picture, ov.opset13.constant([3]), keep_dims=True)
    other = tmp_path / "other"
    other.mkdir()
    ov.save_model(ov.Model([rows], [picture]), other / outlines.TOPOLOGY)

    with pytest.raises(ModelError, match="another network"):
        add_outlines(other, folder)


def test_the_command_puts_it_into_a_folder(folder: Path, tmp_path: Path) -> None:
    """What was trained takes the place of what was there, digests and all."""
    trained = tmp_path / "trained"
    trained.mkdir()
    for name in (outlines.TOPOLOGY, outlines.WEIGHTS):
        shutil.copyfile(folder / name, trained / name)
    with (trained / outlines.TOPOLOGY).open("a") as file:
        file.write("\n")

    assert main([str(trained), "--into", str(folder)]) == 0
    assert NetworkManifest.read(folder).files != NetworkManifest.read(NETWORK).files
    assert (folder / outlines.TOPOLOGY).read_bytes() == (trained / outlines.TOPOLOGY).read_bytes()


def test_outlines_are_judged_on_a_page_that_is_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sample plan, with its rooms' boxes as truth: all are found, with outlines like them."""
    pixels, boxes = plan_and_boxes()
    (tmp_path / "images").mkdir()
    shutil.copyfile(SAMPLE_PNG, tmp_path / "images" / "plan.png")
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2) * pixels.shape[1::-1]
    rooms = [{"polygon": points} for points in corners.tolist()]
    row = {"image": "plan.png", "rooms": rooms}
    (tmp_path / "rooms.jsonl").write_text(json.dumps(row) + "\n")
    wishes = ["--sheets", str(tmp_path), "--drawings", str(tmp_path / "drawn"), "--threads", "1"]

    assert evaluate([*wishes, "--boxes", str(tmp_path / "boxes.json")]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["found_rooms"], figures["with_polygon"]) == (11, 1)
    assert figures["iou_of_polygons"]["mean"] > 0.93
    assert (tmp_path / "drawn" / "plan.png").exists()
    assert evaluate([*wishes, "--boxes", str(tmp_path / "boxes.json")]) == 0  # found once
    assert json.loads(capsys.readouterr().out)["iou_of_polygons"] == figures["iou_of_polygons"]


def test_a_folder_without_one_cannot_be_packed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says which file is missing."""
    assert main([str(tmp_path / "nothing"), "--into", str(folder)]) == 1
    assert capsys.readouterr().err == "error: outlines.xml is missing\n"
