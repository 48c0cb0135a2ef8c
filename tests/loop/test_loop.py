# SPDX-License-Identifier: AGPL-3.0-or-later
"""The loop closed, in small: correct, train, pack, roll out, and plans of that style are found.

Plans whose rooms are hatched and have no walls, of which the shipped weights find nothing. Ten are
corrected (saved as the page saves them), ten others are only looked at.
"""

from __future__ import annotations

import io
import itertools
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.teach import main
from tests.conftest import ROOT

if TYPE_CHECKING:
    import pytest

Box = tuple[int, int, int, int]
WIDTH, HEIGHT = 640, 480
SEEDS = range(20)
# Pictures for the documents are written where this says, as those of tests/viewer.
SHOTS = "VIEWER_SHOTS"
# Twenty epochs of ten pictures, no more than a minute or two of a core; after a dozen it is now and
# then not enough.
# One thread: several that wait for each other, spinning, take ten times as long on a busy machine.
SMALL = "--epochs 20 --input-px 416 --batch 5 --workers 1 --lr 0.001 --threads 1"


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


def write_plans(folder: Path) -> None:
    """Ten to correct and ten others, with the rooms that they have, as a plan set."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for seed in SEEDS:
        picture, boxes = draw(seed)
        lines = [
            f"0 {(x0 + x1) / 2 / WIDTH} {(y0 + y1) / 2 / HEIGHT} "
            f"{(x1 - x0) / WIDTH} {(y1 - y0) / HEIGHT}\n"
            for x0, y0, x1, y1 in boxes
        ]
        (folder / "images" / f"plan-{seed}.png").write_bytes(picture)
        (folder / "labels" / f"plan-{seed}.txt").write_text("".join(lines))


def keep_drawings(out: Path) -> None:
    """One of the others, before and after, for the documents."""
    folder = Path(os.environ.get(SHOTS) or ROOT / "build" / "viewer")
    folder.mkdir(parents=True, exist_ok=True)
    for moment in ("before", "after"):
        (path,) = (out / moment).iterdir()
        with Image.open(path) as drawn:
            drawn.convert("RGB").save(folder / f"taught-{moment}.webp", quality=82, method=6)


def test_corrected_plans_teach_the_weights_a_style(
    archive: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Ten other plans of that style: nothing found before, most after; the server never stops."""
    write_plans(tmp_path / "plans")
    out = tmp_path / "taught"
    command = ["--plans", f"hatched={tmp_path / 'plans'}", "--out", str(out), "--drawings", "1"]
    command += ["--archive", str(archive), f"--train-flags={SMALL}", "--minutes", "110"]
    command += ["--other", f"some={tmp_path / 'plans'}:plan-1", "--at-most", "4"]
    command += ["--export-flags=--allow-no-rooms --precision fp16"]

    assert main(command) == 0
    report = json.loads((out / "teach.json").read_text())
    before, after = (report[moment]["hatched, others"]["f1"] for moment in ("before", "after"))
    with capfd.disabled():
        print(f"\nten uncorrected plans: F1 {before:.2f} before, {after:.2f} after")
    assert f"{before:.3f} → {after:.3f}" in capfd.readouterr().out
    assert before < 0.1
    assert after > 0.5
    plans = report["plans"]
    assert plans["some"] == ["plan-1.png", "plan-12.png", "plan-15.png", "plan-18.png"]
    assert report["after"]["some"]["f1"] > 0.5
    assert len(plans["hatched, corrected"]) == len(plans["hatched, others"]) == 10
    assert not set(plans["hatched, corrected"]) & set(plans["hatched, others"])
    trained_on = {path.stem for path in (out / "my-plans" / "images").iterdir()}
    assert {Path(name).stem for name in plans["hatched, corrected"]} == {
        stem.removesuffix("-p1") for stem in trained_on
    }
    keep_drawings(out)


def test_too_few_plans_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is asked or trained."""
    write_plans(tmp_path / "plans")
    command = ["--plans", f"hatched={tmp_path / 'plans'}", "--out", str(tmp_path / "taught")]

    assert main([*command, "--others", "11"]) == 1
    assert "there are 20 such plans; 21 are needed" in capsys.readouterr().err
    assert main([*command, "--least-rooms", "99"]) == 1
    assert "there are 0 such plans" in capsys.readouterr().err
