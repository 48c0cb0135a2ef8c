# SPDX-License-Identifier: AGPL-3.0-or-later
"""The path of a run on a lent machine, whole and tiny, without a GPU: pack, unpack, draw, train."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageDraw
from ultralytics import YOLO

from training.gpu import pack

if TYPE_CHECKING:
    from pathlib import Path

DRAWN, PICTURES = 4, 3
RECIPE = {
    "minutes": 20,
    "draw": {"synth": ["plans.synth", "--count", str(DRAWN), "--seed", "7", "--px", "160"]},
    "train": ["--input-px", "96", "--batch", "2", "--threads", "1", "--epochs", "1"],
}


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """The folder of an unpacked pack."""
    plans = tmp_path / "plans"
    for name in ("images", "labels", "../wheels"):
        (plans / name).mkdir(parents=True)
    for number in range(PICTURES):
        page = Image.new("RGB", (160, 120), "white")
        ImageDraw.Draw(page).rectangle((40, 30, 119, 89), outline="black", width=3)
        page.save(plans / "images" / f"{number}.png")
        (plans / "labels" / f"{number}.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (tmp_path / "recipe.json").write_text(json.dumps(RECIPE))
    command = ["--data", str(plans), "--start", "weights/rooms.pt", "--out", f"{tmp_path}/gpu.tgz"]
    command += ["--wheels", f"{tmp_path}/wheels", "--recipe", f"{tmp_path}/recipe.json"]
    assert pack.main(command) == 0
    with tarfile.open(tmp_path / "gpu.tgz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "gpu"


def run(there: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """The command on the machine, which knows nothing of this repository."""
    command = [sys.executable, str(there / "training" / "gpu" / "run.py"), *options]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        [*command, "--out", "results", "--cores", "1"],
        check=False, cwd=there.parent, env=environment, capture_output=True, text=True,
    )  # fmt: skip


def test_the_pack_trains_where_it_is_unpacked(there: Path) -> None:
    """On what was packed and what was drawn there; the weights are a detector's."""
    ended = run(there, "--device", "cpu")
    results = there.parent / "results"
    assert ended.returncode == 0, ended.stderr
    record = json.loads((results / "run.json").read_text())

    assert {part["folder"]: part["pictures"] for part in record["data"]} == {
        "plans": PICTURES,
        "synth": DRAWN,
    }
    assert YOLO(results / "rooms.pt").names == {0: "room"}


def test_a_machine_without_a_gpu_is_told_so(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is drawn."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    ended = run(there)
    assert ended.returncode == 1
    assert "torch sees no cuda here" in ended.stderr
    assert not (there / "synth").exists()
