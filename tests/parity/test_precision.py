# SPDX-License-Identifier: AGPL-3.0-or-later
"""Networks stored in other numbers than fp16; needs the training environment."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import openvino as ov
import pytest
from PIL import Image

from archive.export import ExportError, Storage, export, main
from plans.sample.draw import pdf_to_image, plan_to_pdf
from plans.sample.plan import PLAN_BUILDERS
from roomdet import network
from roomdet.config import Config, Limits, Precision
from roomdet.detector import CORE, load_detector
from roomdet.errors import ModelError
from roomdet.geometry import iou_matrix
from roomdet.images import read_page
from roomdet.network import NetworkManifest
from roomdet.schema import RequestOptions
from tests.conftest import ROOT, SAMPLE_PNG

if TYPE_CHECKING:
    from pathlib import Path

CHECKPOINT = ROOT / "weights" / "rooms.pt"


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plans that the project draws, upright and turned."""
    folder = tmp_path_factory.mktemp("plans") / "images"
    folder.mkdir()
    for build in PLAN_BUILDERS:
        picture = pdf_to_image(plan_to_pdf(build()), 1000)
        picture.save(folder / f"{build.__name__}.png")
        picture.transpose(Image.Transpose.ROTATE_90).save(folder / f"{build.__name__}-turned.png")
    (folder / "notes.txt").write_text("no picture")
    return folder.parent


@pytest.fixture(scope="module")
def int8(plans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed checkpoint in int8, as the command exports it."""
    folder = tmp_path_factory.mktemp("int8")
    status = main(
        [str(CHECKPOINT), "--out", str(folder), "--golden-plan", str(SAMPLE_PNG),
         "--precision", "int8", "--calibration", str(plans)]
    )  # fmt: skip
    assert status == 0
    return folder


def test_int8_is_small_and_says_so(int8: Path, fp16: Path) -> None:
    """Weights of one byte each, recorded with what quantized them; digests fit."""
    manifest = NetworkManifest.read(int8)
    usual = NetworkManifest.read(fp16)
    sizes = [(folder / network.WEIGHTS).stat().st_size for folder in (int8, fp16)]

    assert (manifest.precision, usual.precision) == ("int8", "fp16")
    assert "nncf" in manifest.exported_with
    assert manifest.golden == usual.golden
    assert sizes[0] < 0.6 * sizes[1]


def test_convolutions_are_quantized_and_box_arithmetic_is_not(int8: Path) -> None:
    """All of them take int8; nothing between the head's convolutions and the output does."""
    operations = CORE.read_model(int8 / network.TOPOLOGY).get_ordered_ops()
    kinds = Counter(node.get_type_name() for node in operations)
    in_int8 = [
        node
        for node in operations
        if node.get_type_name() == "Constant" and node.get_element_type() == ov.Type.i8
    ]
    rounded = Counter(
        node.input_value(0).get_node().get_type_name()
        for node in operations
        if node.get_type_name() == "FakeQuantize"
    )

    assert kinds["Convolution"] == len(in_int8) > 60
    assert rounded == {"Swish": 57, "Add": 6, "Interpolate": 2, "Parameter": 1}


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.BF16])
def test_int8_finds_the_rooms_with_any_setting(
    int8: Path, fp16: Path, plans: Path, precision: Precision
) -> None:
    """The setting rules what is not int8; certain rooms stay, edges move a little."""
    options = RequestOptions(confidence=0.5)
    quantized = load_detector(int8, Config(precision=precision))
    original = load_detector(fp16, Config(precision=Precision.FP32))
    certain = kept = 0
    for path in sorted(plans.rglob("*.png")):
        page = read_page(path.read_bytes(), page=1, side_px=640, limits=Limits()).pixels
        expected = original.detect(page, options)
        found = quantized.detect(page, replace(options, confidence=0.35))
        overlap = iou_matrix(expected.boxes_xyxy, found.boxes_xyxy)
        certain += len(expected)
        kept += int((overlap >= 0.9).any(axis=1).sum())

    assert quantized.precision is precision
    assert certain > 40
    assert kept >= 0.95 * certain


def test_int8_leaves_the_rest_in_fp32_unless_it_is_set(int8: Path, fp16: Path) -> None:
    """Of other networks `auto` takes what the CPU is fast in."""
    assert load_detector(int8, Config()).precision is Precision.FP32
    has_bf16 = "BF16" in CORE.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    assert load_detector(fp16, Config()).precision is (
        Precision.BF16 if has_bf16 else Precision.FP32
    )


def test_fp32_is_stored_in_full(tmp_path: Path, fp16: Path) -> None:
    """Twice the size of fp16, and it proves itself."""
    storage = Storage("fp32")

    manifest = export(
        CHECKPOINT, tmp_path, golden_plan=SAMPLE_PNG, input_px=640, allow_no_rooms=False,
        storage=storage,
    )  # fmt: skip

    assert manifest.precision == "fp32"
    assert (tmp_path / network.WEIGHTS).stat().st_size > 1.9 * (
        fp16 / network.WEIGHTS
    ).stat().st_size
    load_detector(tmp_path, Config(precision=Precision.FP32))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--precision", "fp16", "--calibration", "."], "fp16 needs none"),
        (["--calibration", "nowhere"], "nowhere holds no pictures"),
    ],
    ids=["not-int8", "no-pictures"],
)
def test_calibration_belongs_to_int8(
    tmp_path: Path, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says what it lacks, before it works."""
    status = main([str(CHECKPOINT), "--out", str(tmp_path), *arguments])

    assert status == 1
    assert complaint in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_plans_are_drawn_where_none_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command makes int8 without any wishes; four plans are enough to see that."""
    monkeypatch.setattr("archive.export.DRAWN_PICTURES", 4)

    status = main([str(CHECKPOINT), "--out", str(tmp_path), "--golden-plan", str(SAMPLE_PNG)])

    manifest = NetworkManifest.read(tmp_path)
    assert (status, manifest.precision, len(manifest.golden)) == (0, "int8", 11)
    assert "outlines.xml" in manifest.files  # the shipped one draws outlines with any weights


def test_a_precision_that_is_not_known_is_refused() -> None:
    """Only the three names are taken."""
    with pytest.raises(ExportError, match="'int4' is none of fp32, fp16, int8"):
        Storage("int4")


def test_a_golden_room_that_moves_in_bf16_is_found_in_fp32(
    fp16: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``auto`` then takes fp32, on CPUs that have bf16; whoever asks for bf16 is told."""
    monkeypatch.setattr(network, "EXPECTED_IOU", 0.999)  # bf16 moves rooms further, fp32 does not

    assert load_detector(fp16, Config()).precision is Precision.FP32
    if "BF16" in CORE.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        with pytest.raises(ModelError, match="expected rooms missed"):
            load_detector(fp16, Config(Precision.BF16))
