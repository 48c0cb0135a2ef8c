# SPDX-License-Identifier: AGPL-3.0-or-later
"""Training the outline network: what it writes is what the server loads, and it can go on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw

from roomdet.outlines import OutlineNetwork
from training.outlines import CHECKPOINT, main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A plan of four rooms of one form."""
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    page = Image.new("L", (400, 400), 255)
    rooms = []
    for x, y in ((30, 30), (230, 30), (30, 230), (230, 230)):
        corners = [(x, y), (x + 130, y), (x + 130, y + 130), (x, y + 130)]
        ImageDraw.Draw(page).line([*corners, corners[0]], fill=0, width=4)
        rooms.append({"polygon": corners})
    page.save(folder / "images" / "plan.png")
    (folder / "rooms.jsonl").write_text(json.dumps({"image": "plan.png", "rooms": rooms}) + "\n")
    return folder


def run(data: Path, out: Path, *, steps: int, seed: int = 0) -> int:
    """Train with the command line."""
    wishes = {"--data": data, "--out": out, "--steps": steps, "--batch": 8, "--seed": seed}
    return main([str(part) for wish in wishes.items() for part in wish])


def test_a_short_run_learns_where_the_room_is(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After some steps the server sees the room in the middle of a crop, not at its border."""
    out = tmp_path / "run"
    assert run(data, out, steps=40) == 0
    assert run(data, out, steps=60) == 0

    with Image.open(data / "images" / "plan.png") as page:
        crop = page.crop((5, 5, 185, 185)).resize((128, 128))
    (mask,) = OutlineNetwork(out, threads=1).masks(np.asarray(crop)[None])
    assert mask[48:80, 48:80].mean() > mask[:6].mean() + 0.2
    assert "4 rooms" in capsys.readouterr().out


def test_a_checkpoint_of_other_settings_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the folder's run; the steps may change."""
    out = tmp_path / "run"
    assert run(data, out, steps=1) == 0
    before = (out / CHECKPOINT).read_bytes()

    assert run(data, out, steps=2, seed=1) == 1
    assert "seed=0" in capsys.readouterr().err
    assert (out / CHECKPOINT).read_bytes() == before
