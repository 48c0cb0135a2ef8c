# SPDX-License-Identifier: AGPL-3.0-or-later
"""Real, tiny training runs: what they leave, how they stop, go on and keep to their time."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from ultralytics import YOLO
from ultralytics.cfg import get_cfg

from plans.plan_sets import Sample, read_plan_set
from tests.conftest import ROOT
from training.loader import RoomDataset
from training.loss import LenientEntropy
from training.options import parse_args
from training.train import STOPPED, main, train

if TYPE_CHECKING:
    from pathlib import Path

PICTURES, PLANS = 12, 6
SIDE_PX = 96
# Threads that wait for each other, spinning, take ten times as long on a busy machine.
SMALL = ["--input-px", str(SIDE_PX), "--batch", "4", "--workers", "1", "--threads", "1"]
DEADLINE_S = 240


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures of six plans, rooms drawn as outlined rectangles."""
    folder = tmp_path_factory.mktemp("plans")
    generator = np.random.default_rng(5)
    for number in range(PICTURES):
        draw_rooms(folder, f"plan{number % PLANS}.rf.{number:02d}", generator)
    return folder


def draw_rooms(folder: Path, stem: str, generator: np.random.Generator) -> None:
    """Three rooms on a page of 160 x 120 pixels, with their labels."""
    for name in ("images", "labels"):
        (folder / name).mkdir(exist_ok=True)
    picture = Image.new("RGB", (160, 120), "white")
    lines = []
    for column in range(3):
        left, top = 6 + 50 * column, int(generator.integers(8, 40))
        width, height = int(generator.integers(25, 45)), int(generator.integers(25, 70))
        box_px = (left, top, left + width, top + height)
        ImageDraw.Draw(picture).rectangle(box_px, fill="lightgray", outline="black", width=2)
        center = ((left + width / 2) / 160, (top + height / 2) / 120)
        lines.append(f"0 {center[0]} {center[1]} {width / 160} {height / 120}\n")
    picture.save(folder / "images" / f"{stem}.png")
    (folder / "labels" / f"{stem}.txt").write_text("".join(lines))


def metrics_of(out: Path) -> list[dict[str, float]]:
    """Rows of metrics.json."""
    rows: list[dict[str, float]] = json.loads((out / "metrics.json").read_text())
    return rows


def sha256(path: Path) -> str:
    """Digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


# -- a whole run ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(plans: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two epochs from the shipped weights, mosaics in the first half, pages degraded."""
    out = tmp_path_factory.mktemp("runs") / "run"
    command = ["--data", f"{plans}:1.5", "--out", str(out), "--start", "weights/rooms.pt"]
    assert (
        main([*command, "--epochs", "2", "--close-mosaic", "0.5", "--degrade", "0.5", *SMALL]) == 0
    )
    return out


def test_a_run_leaves_weights_that_ultralytics_reads(run: Path) -> None:
    """One class, half precision, no optimizer, not the weights that it started from."""
    content = torch.load(run / "rooms.pt", map_location="cpu", weights_only=False)
    model = YOLO(run / "rooms.pt")

    assert model.names == {0: "room"}
    assert {p.dtype for p in content["model"].parameters()} == {torch.float16}
    assert (run / "rooms.pt").stat().st_size < 7e6
    assert str(run) not in str(content["train_args"])
    page = np.full((SIDE_PX, SIDE_PX, 3), 255, np.uint8)
    assert len(model.predict(page, imgsz=SIDE_PX, verbose=False)) == 1
    assert not (run / "last.pt").exists()


def test_the_license_of_the_start_stays(run: Path, plans: Path, tmp_path: Path) -> None:
    """Weights made from weights under version 3 alone, as the shipped ones are, are so too."""
    start, stated = tmp_path / "start.pt", "AGPL-3.0-or-later"
    content, made = (
        torch.load(path, map_location="cpu", weights_only=False)
        for path in ("weights/rooms.pt", run / "rooms.pt")
    )
    assert made["license"] == content["license"] == "AGPL-3.0-only"
    torch.save(content | {"license": stated}, start)
    command = ["--data", str(plans), "--out", str(tmp_path / "run"), "--start", str(start)]

    assert main([*command, "--epochs", "1", *SMALL]) == 0
    made = torch.load(tmp_path / "run" / "rooms.pt", map_location="cpu", weights_only=False)
    assert made["license"] == stated


def test_a_run_records_itself(run: Path, plans: Path) -> None:
    """Data, settings, versions, digests; curves as a picture; one row per epoch and the start."""
    record = json.loads((run / "run.json").read_text())
    rows = metrics_of(run)

    assert record["data"] == [
        {"folder": str(plans), "weight": 1.5, "pictures": PICTURES, "plans": PLANS, "rooms": 36}
    ]
    assert record["start_sha256"] == sha256(ROOT / "weights" / "rooms.pt")
    assert record["end_sha256"] == sha256(run / "rooms.pt")
    assert record["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    assert {"mAP50", "mAP50-95", "lr", "elapsed_s", "train/box_loss"} <= rows[-1].keys()
    with Image.open(run / "curves.png") as curves:
        assert curves.format == "PNG"


def test_epochs_are_whole_although_mosaics_end_inside(run: Path, plans: Path) -> None:
    """Both epochs draw each training picture once or, in half of the cases, twice."""
    record = json.loads((run / "run.json").read_text())
    whole = record["training_pictures"]

    assert whole + record["held_out_pictures"] == len(read_plan_set(plans).samples)
    assert 2 * math.ceil(whole / 4) <= record["steps"] <= 2 * math.ceil(2 * whole / 4)


def test_a_finished_run_is_left_alone(
    run: Path, plans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says so and changes nothing."""
    before = sha256(run / "rooms.pt")

    assert main(["--data", f"{plans}:1.5", "--out", str(run), *SMALL]) == 0
    assert "finished" in capsys.readouterr().out
    assert before == sha256(run / "rooms.pt")


# -- time -----------------------------------------------------------------------------------


def test_a_run_ends_in_time_with_its_schedule(plans: Path, tmp_path: Path) -> None:
    """From scratch, as many epochs as fit; the learning rate is down at the end.

    The clock goes on by a third of a second whenever it is asked, so that the run is the same on
    any machine, however busy: about 150 steps.
    """
    out = tmp_path / "run"
    ticks = itertools.count()
    minutes, peak = 4.0, 0.002
    command = ["--data", str(plans), "--out", str(out), "--start", "yolov8n", "--lr", str(peak)]
    command += ["--minutes", str(minutes), "--validate-minutes", "1", *SMALL]

    status = train(parse_args(command), clock=lambda: next(ticks) / 3)

    last = metrics_of(out)[-1]
    assert status == 0
    assert 0.9 * 60 * minutes < next(ticks) / 3 < 60 * minutes
    assert last["share"] == 1.0
    assert last["lr"] < 0.02 * peak


def test_a_budget_without_room_for_a_step_is_refused(
    plans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rather than the start weights as a result."""
    out = tmp_path / "run"

    assert main(["--data", str(plans), "--out", str(out), "--minutes", "0.01", *SMALL]) == 1
    assert "over before the first step" in capsys.readouterr().err
    assert not (out / "rooms.pt").exists()


# -- stopped and resumed --------------------------------------------------------------------


def stopped_run(plans: Path, out: Path, number: signal.Signals) -> int:
    """Train without end, send a signal after the second epoch; the exit status."""
    command = [sys.executable, "-m", "training.train", "--data", str(plans), "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'handler'}{os.pathsep}{ROOT}"}
    with subprocess.Popen(
        [*command, *SMALL], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            deadline = time.monotonic() + DEADLINE_S
            for line in process.stdout or ():
                assert time.monotonic() < deadline
                if "after epoch 2" in line:
                    process.send_signal(number)
                    break
            process.communicate(timeout=DEADLINE_S)
        finally:
            process.kill()
    return process.returncode


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, STOPPED), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_stopped_run_goes_on(
    plans: Path,
    tmp_path: Path,
    number: signal.Signals,
    status: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Epochs, steps and clock continue, no epoch is missing, and the end is a whole run's.

    With other settings it does not go on; the message names what differs.
    """
    out = tmp_path / "run"
    assert stopped_run(plans, out, number) == status
    assert main(["--data", str(plans), "--out", str(out), "--lr", "0.5", *SMALL]) == 1
    assert "lr: 0.0005 → 0.5" in capsys.readouterr().err
    state = torch.load(out / "last.pt", weights_only=True)
    reached = state["position"]["epoch"]
    assert reached >= 1

    assert (
        main(["--data", str(plans), "--out", str(out), "--epochs", str(reached + 2), *SMALL]) == 0
    )

    rows = metrics_of(out)
    assert [row["epoch"] for row in rows] == list(range(reached + 3))
    for key in ("elapsed_s", "steps"):
        values = [row[key] for row in rows]
        assert values == sorted(set(values))
    assert rows[reached + 1]["steps"] > state["position"]["steps"]
    assert (out / "rooms.pt").exists()


# -- refused --------------------------------------------------------------------------------


def test_a_file_that_is_no_checkpoint_is_refused(
    plans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By name."""
    start = tmp_path / "start.pt"
    start.write_bytes(b"no checkpoint")

    command = ["--data", str(plans), "--out", str(tmp_path / "run"), "--start", str(start)]
    assert main([*command, *SMALL]) == 1
    assert "start.pt is no checkpoint" in capsys.readouterr().err


# -- incomplete labels ----------------------------------------------------------------------


def test_confident_findings_without_a_label_may_go_unpunished() -> None:
    """Only they: labeled ones and doubtful ones cost what they always do."""
    logits = torch.tensor([3.0, 3.0, -1.0], requires_grad=True)
    targets = torch.tensor([0.0, 0.8, 0.0])

    for confidence, zeros in ((0.9, [True, False, False]), (1.0, [False, False, False])):
        (gradient,) = torch.autograd.grad(LenientEntropy(confidence)(logits, targets).sum(), logits)
        assert (gradient == 0).tolist() == zeros
    plain = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    assert torch.equal(LenientEntropy(1.0)(logits, targets), plain)


def test_complete_labels_are_taken_at_their_word() -> None:
    """What is found beside complete labels costs as much as ever, in those pictures alone."""
    logits, targets = torch.full((2, 3, 1), 3.0), torch.zeros(2, 3, 1)
    loss = LenientEntropy(0.9, torch.tensor([True, False]))(logits, targets)
    assert (loss[0] > 1).all()
    assert (loss[1] == 0).all()


# -- pictures on their way to the network ---------------------------------------------------


def dataset_of(
    samples: list[Sample], augmentation: dict[str, float] | None = None, **options: Any
) -> RoomDataset:
    """A training dataset at 96 px without mosaics."""
    settings = get_cfg(overrides={"imgsz": SIDE_PX, "mosaic": 0.0, **(augmentation or {})})
    return RoomDataset(
        samples, imgsz=SIDE_PX, augment=True, hyp=settings, cache="ram", batch_size=4, **options
    )


def test_boxes_turn_with_their_pictures(tmp_path: Path) -> None:
    """After any quarter turn a box holds its dark room and nothing else."""
    picture = Image.new("RGB", (160, 120), "white")
    ImageDraw.Draw(picture).rectangle((20, 10, 59, 89), fill="black")
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    picture.save(tmp_path / "images" / "a.png")
    (tmp_path / "labels" / "a.txt").write_text(f"0 0.25 {50 / 120} 0.25 {80 / 120}\n")
    dataset = dataset_of(list(read_plan_set(tmp_path).samples), turns=1.0)

    shapes = set()
    for _ in range(30):
        label = dataset.get_image_and_label(0)
        height, width = label["img"].shape[:2]
        cx, cy, w, h = label["instances"].bboxes[0] * (width, height, width, height)
        dark = np.argwhere(label["img"].mean(axis=2) < 128)
        (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0) + 1
        found = np.array([left, top, right, bottom])
        np.testing.assert_allclose(found, [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], atol=1)
        shapes.add((height, width, left < width / 2, top < height / 2))
    assert len(shapes) == 3


def test_rooms_of_which_little_is_left_are_not_labeled(tmp_path: Path) -> None:
    """A room that is pushed out of the picture is labeled while half of it is there."""
    Image.new("RGB", (96, 96), "white").save(tmp_path / "a.png")
    whole = np.array([[0.5, 0.5, 0.5, 0.5]], np.float32)
    sample = Sample(tmp_path / "a.png", whole, (96, 96))
    moved = {"scale": 0.0, "degrees": 0.0, "shear": 0.0, "translate": 0.7}
    dataset = dataset_of([sample], moved)

    left = [dataset[0]["bboxes"].numpy() for _ in range(80)]

    areas = np.array([boxes[0, 2:].prod() / 0.25 if len(boxes) else 0.0 for boxes in left])
    assert (areas == 0).any()
    assert ((areas > 0.5) & (areas < 0.9)).any()
    assert not ((areas > 0) & (areas < 0.49)).any()


def test_pages_are_transformed_as_rgb_before_they_are_used(tmp_path: Path) -> None:
    """A red page reaches the transform red, and what it returns is used."""
    Image.new("RGB", (32, 32), (250, 0, 0)).save(tmp_path / "a.png")
    boxes = np.zeros((0, 4), np.float32)
    sample = Sample(tmp_path / "a.png", boxes, (32, 32))
    seen = []

    def swap(page: np.ndarray, _: np.random.Generator) -> np.ndarray:
        seen.append(page[0, 0].tolist())
        return np.ascontiguousarray(page[..., ::-1])

    label = dataset_of([sample], page_transform=swap).get_image_and_label(0)

    assert seen == [[250, 0, 0]]
    assert label["img"][0, 0].tolist() == [250, 0, 0]  # BGR, so blue turned red and back


def test_sets_are_drawn_by_weight_in_mosaics_too(plans: Path) -> None:
    """Each position of an epoch is one of its picks, and no other picture can be drawn."""
    samples = [
        replace(e, weight=2.0 if number == 3 else 1e-9)
        for number, e in enumerate(read_plan_set(plans).samples)
    ]
    dataset = dataset_of(samples)
    dataset.set_epoch(0, seed=0)

    drawn = {dataset.get_image_and_label(p)["im_file"] for p in range(len(dataset))}
    assert (len(dataset), drawn) == (2, {str(samples[3].path)})
