# SPDX-License-Identifier: AGPL-3.0-or-later
"""The loop closed, in small: correct, train, pack, roll out, and plans of that style are found.

Plans whose rooms are hatched and have no walls, of which the shipped weights find nothing. Ten are
drawn in by a person (here: saved as the page saves them), ten others are only looked at.
"""

from __future__ import annotations

import io
import itertools
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from archive.pack import pack
from roomdet_client import RoomClient
from roomdet_client.viewer.plan_set import PlanSet, Room
from serving.rollout import roll_out
from serving.running import Place
from serving.server import serve
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

Box = tuple[int, int, int, int]
WIDTH, HEIGHT = 640, 480
CORRECTED, OTHERS = range(10), range(100, 110)
TRAIN_PYTHON = Path(os.environ.get("TRAIN_BIN") or ROOT / ".venv-train" / "bin") / "python"
SAME_ROOM_IOU = 0.5
TRAIN_S = 900
# A dozen epochs of ten pictures, no more than a minute or two of two cores.
# One thread: several that wait for each other, spinning, take ten times as long on a busy machine.
SMALL = ["--epochs", "12", "--input-px", "416", "--batch", "5", "--workers", "1", "--lr", "0.001"]
SMALL += ["--threads", "1"]


def sides(generator: np.random.Generator, length: int, least: int, most: int) -> list[int]:
    """Where rooms begin and end along one side of the page."""
    found = [40]
    while found[-1] < length - most - 10:
        found.append(found[-1] + int(generator.integers(least, most)))
    return found


def draw(seed: int) -> tuple[bytes, list[Box]]:
    """A plan as PNG, and its rooms in pixels."""
    generator = np.random.default_rng(seed)
    image = Image.new("RGB", (WIDTH, HEIGHT), (245, 240, 225))
    pen = ImageDraw.Draw(image)
    columns, rows = sides(generator, WIDTH, 110, 190), sides(generator, HEIGHT, 90, 150)
    boxes = [
        (left + 6, top + 6, right - 6, bottom - 6)
        for left, right in itertools.pairwise(columns)
        for top, bottom in itertools.pairwise(rows)
        if generator.random() > 0.2
    ]
    for left, top, right, bottom in boxes:
        for x in range(left, right, 9):
            pen.line([(x, top), (x, bottom)], fill=(60, 110, 60), width=2)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue(), boxes


def overlap(one: Iterable[float], other: Iterable[float]) -> float:
    """Intersection over union."""
    a, b = np.array(list(one), float), np.array(list(other), float)
    shared = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    return float(shared / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared))


def f1(client: RoomClient, seeds: Iterable[int]) -> float:
    """Rooms found, against all that are there and all that were answered."""
    hits = rooms = answered = 0
    for seed in seeds:
        picture, boxes = draw(seed)
        found = [room.box_xyxy_px for room in client.detect(picture).rooms]
        hits += sum(any(overlap(box, one) > SAME_ROOM_IOU for one in found) for box in boxes)
        rooms, answered = rooms + len(boxes), answered + len(found)
    return 2 * hits / (rooms + answered)


def correct(folder: Path) -> None:
    """Save ten plans as the page does when a person has drawn their rooms."""
    plan_set = PlanSet(folder)
    for seed in CORRECTED:
        picture, boxes = draw(seed)
        rooms = tuple(
            Room((x0 / WIDTH, y0 / HEIGHT, x1 / WIDTH, y1 / HEIGHT), None, accepted=True)
            for x0, y0, x1, y1 in boxes
        )
        name, size = f"plan {seed}.png", (WIDTH, HEIGHT)
        plan_set.save(name, 1, picture, ".png", size, rooms, complete=True)


def run_training(folder: Path, *command: str) -> None:
    """One of training's programs, as the Makefile runs it."""
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'handler'}{os.pathsep}{ROOT}",
        "YOLO_OFFLINE": "true",
        "YOLO_CONFIG_DIR": str(folder / "ultralytics"),
    }
    line = [str(TRAIN_PYTHON), "-m", *command]
    subprocess.run(line, cwd=ROOT, env=environment, check=True, timeout=TRAIN_S)


def test_corrected_plans_teach_the_weights_a_style(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten other plans of that style: nothing found before, most after."""
    with serve(archive) as server:
        server.wait_ready()
        with RoomClient(server.url) as client:
            before = f1(client, OTHERS)
            correct(tmp_path / "my-plans")
            run = ["--data", str(tmp_path / "my-plans"), "--out", str(tmp_path / "run")]
            run_training(tmp_path, "training.train", *run, "--start", "weights/rooms.pt", *SMALL)
            weights, network = str(tmp_path / "run" / "rooms.pt"), tmp_path / "network"
            export = ["archive.export", weights, "--out", str(network), "--allow-no-rooms"]
            export += ["--precision", "fp16"]
            run_training(tmp_path, *export)
            pack(network, tmp_path / "rooms-1.1.mar", version="1.1", root=ROOT)
            outcome = roll_out(tmp_path / "rooms-1.1.mar", Place.of(server), print)
            after = f1(client, OTHERS)
    with capsys.disabled():
        print(f"\nten uncorrected plans: F1 {before:.2f} before, {after:.2f} after")
    assert outcome.has_switched
    assert before < 0.1
    assert after > 0.5
