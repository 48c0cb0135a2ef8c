# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a pack for a machine without a network holds, and what that machine says it lacks."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from plans.plan_sets import read_plan_set
from tests.conftest import ROOT
from training.gpu import pack

if TYPE_CHECKING:
    from pathlib import Path

PICTURES = 4


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A plan set of noisy pictures, 800 px wide, with a room each, and what else is packed."""
    plans = tmp_path / "plans"
    generator = np.random.default_rng(3)
    for name in ("images", "labels"):
        (plans / name).mkdir(parents=True)
    for number in range(PICTURES):
        pixels = generator.integers(0, 255, (400, 800, 3), np.uint8)
        Image.fromarray(pixels).save(plans / "images" / f"{number}.png")
        (plans / "labels" / f"{number}.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    rows = [{"image": f"{n}.png", "plan": f"house {n}", "complete": True} for n in range(PICTURES)]
    (plans / "index.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "rooms.pt").write_bytes(b"weights")
    (tmp_path / "flats.jsonl").write_text("{}\n")
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "needed-1-py3-none-any.whl").write_bytes(b"wheel")
    return tmp_path


def command(given: Path, *more: str, weight: str = "2") -> list[str]:
    """The command line for it."""
    return [
        "--data", f"{given / 'plans'}:{weight}", "--start", str(given / "rooms.pt"),
        "--layouts", str(given / "flats.jsonl"), "--wheels", str(given / "wheels"),
        "--out", str(given / "gpu.tar.gz"), *more,
    ]  # fmt: skip


def packed(given: Path) -> Path:
    """The pack, unpacked."""
    with tarfile.open(given / "gpu.tar.gz") as archive:
        archive.extractall(given / "there", filter="data")
    return given / "there" / "gpu"


def test_all_that_the_run_needs_is_in_it(given: Path) -> None:
    """Code, start, layouts, wheels, recipe with its sets, and a plan set as training reads it."""
    assert pack.main(command(given)) == 0
    there = packed(given)
    recipe: dict[str, Any] = json.loads((there / "recipe.json").read_text())
    samples = read_plan_set(there / "plans").samples

    assert recipe["sets"] == {"plans": 2.0}
    assert recipe["minutes"] == json.loads(pack.RECIPE.read_text())["minutes"]
    assert (there / "start.pt").read_bytes() == b"weights"
    assert (there / "layouts" / "flats.jsonl").exists()
    assert (there / "wheels" / "needed-1-py3-none-any.whl").read_bytes() == b"wheel"
    for name in ("training/train.py", "training/gpu/run.py", "handler/roomdet/network.py"):
        assert (there / name).read_bytes() == (ROOT / name).read_bytes()
    assert [sample.plan for sample in samples] == [f"house {number}" for number in range(PICTURES)]
    assert {sample.size_hw for sample in samples} == {(320, 640)}
    assert all(sample.is_complete for sample in samples)
    np.testing.assert_allclose(samples[0].boxes_xywhn, [[0.5, 0.5, 0.25, 0.5]])


def test_a_set_of_a_weight_below_one_is_thinned(given: Path) -> None:
    """To that share, and what is left is drawn once."""
    assert pack.main(command(given, weight="0.25")) == 0
    there = packed(given)

    assert len(read_plan_set(there / "plans").samples) == PICTURES / 4
    assert json.loads((there / "recipe.json").read_text())["sets"] == {"plans": 1.0}


def test_pictures_are_as_good_as_the_size_allows(
    given: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Less room makes them worse; none at all is said with both sizes."""
    assert pack.main(command(given)) == 0
    best = (given / "gpu.tar.gz").stat().st_size / 1e6
    assert pack.main(command(given, "--megabytes", f"{0.7 * best}")) == 0
    assert (given / "gpu.tar.gz").stat().st_size / 1e6 <= 0.7 * best
    first, second = (int(line.split()[-1]) for line in capsys.readouterr().out.splitlines())
    assert second < first == 80

    assert pack.main(command(given, "--megabytes", "0.01")) == 1
    assert f"{PICTURES} pictures take" in capsys.readouterr().err


def test_a_machine_without_torch_is_told_so(given: Path) -> None:
    """This environment has none."""
    assert pack.main(command(given)) == 0
    run = packed(given) / "training" / "gpu" / "run.py"

    ended = subprocess.run(
        [sys.executable, str(run), "--out", str(given / "results")],
        check=False, capture_output=True, text=True, cwd=given,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "has no torch" in ended.stderr
    assert "Traceback" not in ended.stderr
