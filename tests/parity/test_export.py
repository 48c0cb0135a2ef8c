# SPDX-License-Identifier: AGPL-3.0-or-later
"""From a checkpoint to an archive that agrees with ultralytics; needs the training environment."""

from __future__ import annotations

import hashlib
import io
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
import pytest
import torch
from PIL import Image
from ultralytics import YOLO
from ultralytics.nn.tasks import DetectionModel

from archive.export import ExportError, export, main
from evaluation.parity import compare_floats
from plans.sample.draw import pdf_to_image, plan_to_pdf
from plans.sample.plan import PLAN_BUILDERS
from roomdet import network
from roomdet.config import Config, Limits, Precision
from roomdet.detector import CORE, load_detector, parse_output
from roomdet.errors import ModelError
from roomdet.geometry import iou_matrix
from roomdet.images import read_page
from roomdet.network import NetworkManifest
from roomdet.schema import RequestOptions
from tests.conftest import NETWORK, ROOT, SAMPLE_PNG

if TYPE_CHECKING:
    from pathlib import Path

CHECKPOINT = ROOT / "weights" / "rooms.pt"
GOLDEN_PLAN = SAMPLE_PNG


@pytest.fixture(scope="session")
def drawn_plans() -> list[bytes]:
    """The plans that the project draws, as PDF, upright and turned, and one as a small picture."""
    pdfs = [plan_to_pdf(build()) for build in PLAN_BUILDERS]
    pictures = []
    for number, pdf in enumerate(pdfs):
        buffer = io.BytesIO()
        picture = pdf_to_image(pdf, 500 + 700 * number)
        picture.transpose(Image.Transpose.ROTATE_90).save(buffer, "PNG")
        pictures.append(buffer.getvalue())
    return pdfs + pictures


def test_the_committed_network_is_that_of_the_committed_checkpoint() -> None:
    """network.json names the checkpoint that it was exported from."""
    digest = hashlib.sha256(CHECKPOINT.read_bytes()).hexdigest()

    assert digest == NetworkManifest.read(NETWORK).checkpoint_sha256


def test_the_committed_network_finds_what_an_export_today_finds(
    fp16: Path, drawn_plans: list[bytes]
) -> None:
    """It is stored in int8: certain rooms stay, edges move a little."""
    options = RequestOptions(confidence=0.5)
    committed, today = (
        load_detector(folder, Config(precision=Precision.FP32)) for folder in (NETWORK, fp16)
    )
    certain = kept = 0
    for data in drawn_plans:
        page = read_page(data, page=1, side_px=640, limits=Limits()).pixels
        expected = today.detect(page, options)
        found = committed.detect(page, replace(options, confidence=0.35))
        certain += len(expected)
        kept += int((iou_matrix(expected.boxes_xyxy, found.boxes_xyxy) >= 0.9).any(axis=1).sum())

    # Six decimals are kept; the last one is the processor's.
    golden, of_today = (NetworkManifest.read(folder).golden for folder in (NETWORK, fp16))
    assert len(golden) == len(of_today)
    for room, again in zip(golden, of_today, strict=True):
        assert again.confidence == pytest.approx(room.confidence, abs=1e-5)
        assert again.box_xyxy_norm == pytest.approx(room.box_xyxy_norm, abs=1e-5)
    assert certain > 40
    assert kept >= 0.95 * certain


def test_drawn_plans_agree_with_ultralytics(fp16: Path, drawn_plans: list[bytes]) -> None:
    """fp32: every room of either side has its partner with IoU >= 0.98."""
    agreement = compare_floats(drawn_plans, CHECKPOINT, fp16, Precision.FP32)

    assert agreement.reference > 40
    assert agreement.share >= 0.99


def test_bf16_finds_the_same_rooms_a_little_elsewhere(fp16: Path, drawn_plans: list[bytes]) -> None:
    """bf16: confidences within 0.05 and edges within 6 of 1000 where boxes match at 0.98."""
    agreement = compare_floats(drawn_plans, CHECKPOINT, fp16, Precision.BF16)

    assert agreement.share >= 0.9
    assert agreement.largest_score_difference < 0.05
    assert agreement.largest_edge_difference < 6


@pytest.mark.parametrize(
    ("size", "classes"), [("n", 3), ("s", 1), pytest.param("m", 2, marks=pytest.mark.on_demand)]
)
def test_any_yolov8_detector_becomes_a_network(tmp_path: Path, size: str, classes: int) -> None:
    """Sizes n, s and m, one class or several: every class is a room, the best one's score counts.

    The weights are random, so all candidates are compared, in pixels of a 320 px input.
    """
    checkpoint = tmp_path / f"yolov8{size}.pt"
    torch.manual_seed(0)
    model = YOLO(f"yolov8{size}.yaml", verbose=False)
    model.model = DetectionModel(f"yolov8{size}.yaml", nc=classes, verbose=False)
    for branch in model.model.model[-1].cv3:  # an untrained network is sure of nothing
        branch[-1].bias.data += 6
    model.save(checkpoint)

    manifest = export(
        checkpoint, tmp_path / "out", golden_plan=GOLDEN_PLAN, input_px=320, allow_no_rooms=True
    )

    assert len(manifest.classes) == classes
    load_detector(tmp_path / "out", Config(precision=Precision.FP32))
    picture = np.random.default_rng(0).random((1, 3, 320, 320), np.float32)
    exported = CORE.compile_model(
        CORE.read_model(tmp_path / "out" / network.TOPOLOGY),
        "CPU",
        {"INFERENCE_PRECISION_HINT": "f32"},
    )(picture)[0][0]
    with torch.inference_mode():
        original = YOLO(checkpoint).model.float().eval()(torch.from_numpy(picture))[0][0].numpy()
    found, expected = parse_output(exported, 0.0), parse_output(original, 0.0)
    assert len(expected) == 40 * 40 + 20 * 20 + 10 * 10
    assert expected.scores.max() > 0.1
    np.testing.assert_allclose(found.scores, expected.scores, atol=0.01)
    np.testing.assert_allclose(found.boxes_xyxy, expected.boxes_xyxy, atol=1.0)
    np.testing.assert_array_equal(expected.scores, original[4:].max(axis=0))


def test_weights_that_find_nothing_need_a_flag(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An untrained network is refused with the flag that allows it."""
    checkpoint = tmp_path / "untrained.pt"
    YOLO("yolov8n.yaml", verbose=False).save(checkpoint)

    status = main(
        [
            str(checkpoint),
            "--out",
            str(tmp_path / "out"),
            "--golden-plan",
            str(GOLDEN_PLAN),
            "--precision",
            "fp16",
        ]
    )

    assert status == 1
    assert "--allow-no-rooms" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("model", ["yolov8n-seg.yaml", "yolov8n-cls.yaml"])
def test_other_tasks_are_refused(tmp_path: Path, model: str) -> None:
    """A segmenter or classifier is no room detector."""
    checkpoint = tmp_path / "other.pt"
    YOLO(model, verbose=False).save(checkpoint)

    with pytest.raises(ExportError, match="which a YOLOv8 detector does not have"):
        export(
            checkpoint, tmp_path / "out", golden_plan=GOLDEN_PLAN, input_px=640, allow_no_rooms=True
        )


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    """Any other file is named."""
    checkpoint = tmp_path / "notes.pt"
    checkpoint.write_bytes(pickle.dumps({"a": 1}))

    with pytest.raises(ExportError, match=r"notes\.pt is no YOLOv8 detector"):
        export(
            checkpoint, tmp_path / "out", golden_plan=GOLDEN_PLAN, input_px=640, allow_no_rooms=True
        )


def test_a_network_of_another_layout_is_refused(tmp_path: Path) -> None:
    """Files that fit their digests but are no YOLOv8 detector do not load."""
    committed = NetworkManifest.read(NETWORK)
    for name in committed.files:
        (tmp_path / name).write_bytes((NETWORK / name).read_bytes())
    picture = ov.opset13.parameter([1, 3, 640, 640], ov.Type.f32)
    ov.save_model(ov.Model([ov.opset13.relu(picture)], [picture]), tmp_path / network.TOPOLOGY)
    files = {name: network.sha256_of(tmp_path / name) for name in committed.files}
    NetworkManifest(640, ("room",), committed.checkpoint_sha256, {}, files, committed.golden).write(
        tmp_path
    )

    with pytest.raises(ModelError, match="no YOLOv8 detector"):
        load_detector(tmp_path, Config())
