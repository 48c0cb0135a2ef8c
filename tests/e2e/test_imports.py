# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the worker imports while it serves: Python's own list of a worker in a real TorchServe."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from roomdet_client.client import detect
from serving.server import serve
from tests.conftest import CONFIG, SAMPLE_PDF, SAMPLE_PNG

if TYPE_CHECKING:
    from pathlib import Path

# What training, exporting and deploying use, what TorchServe's own handlers import where it is
# installed, and what torch brings along.
FORBIDDEN = {
    "IPython", "accelerate", "boto3", "botocore", "captum", "cv2", "functorch", "jinja2",
    "matplotlib", "mpmath", "moto", "networkx", "onnx", "onnxruntime.capi",
    "openvino.frontend.pytorch", "openvino.tools.ovc.convert", "openvino.torch.torchdynamo",
    "pandas", "pip", "pkg_resources", "pytest", "requests", "scipy", "setuptools", "sympy",
    "torch", "torchvision", "training", "transformers", "ultralytics",
}  # fmt: skip
# A module as Python prints it under PYTHONPROFILEIMPORTTIME, in a line of the worker's; those
# of the launcher have no name of a logger. It prints what could not be imported, too: of what
# BaseHandler only looks for, a module below it tells whether it was found.
IMPORT = re.compile(r"MODEL_LOG - import time: +\d+ \| +\d+ \| +(\S+)$", re.MULTILINE)


def pictures() -> list[bytes]:
    """The sample plan in every format, so that each reader is imported."""
    plans = [SAMPLE_PNG.read_bytes(), SAMPLE_PDF.read_bytes()]
    with Image.open(SAMPLE_PNG) as plan:
        for name in ("JPEG", "TIFF", "WEBP", "BMP", "GIF"):
            stream = io.BytesIO()
            plan.convert("RGB").save(stream, name)
            plans.append(stream.getvalue())
    return plans


@pytest.fixture(scope="module")
def imported(archive: Path) -> set[str]:
    """The modules that a worker imports until it has answered a plan in every format."""
    profiled = {"PYTHONPROFILEIMPORTTIME": "1"}
    with serve(archive, config=CONFIG, environ=profiled) as server:
        server.wait_ready()
        assert all(detect(plan, url=server.url).rooms for plan in pictures())
        return set(IMPORT.findall(server.log.read_text("utf-8")))


def test_the_list_is_that_of_the_worker(imported: set[str]) -> None:
    """It has what serving needs, so what it lacks was not imported."""
    needed = {"ts.service", "roomdet.detector", "openvino", "pypdfium2", "roomdet.libtiff"}

    assert needed <= imported


def test_nothing_is_imported_that_serving_does_not_use(imported: set[str]) -> None:
    """Neither torch nor what trains, exports or deploys, nor any module below them."""
    packages = {
        ".".join(parts[:count])
        for parts in (name.split(".") for name in imported)
        for count in range(1, len(parts) + 1)
    }

    assert sorted(FORBIDDEN & packages) == []
