# SPDX-License-Identifier: AGPL-3.0-or-later
"""A tiny curve of what a user gains: trained, exported and judged by the real programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks.own_plans import as_table, main, make_folds
from plans.plan_sets import read_plan_set
from plans.synth.__main__ import main as draw
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PLANS = 8


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthetic plans of 160 px."""
    folder = tmp_path_factory.mktemp("plans")
    assert draw(["--out", str(folder), "--count", str(PLANS), "--px", "160"]) == 0
    return folder


def test_no_plan_is_judged_that_was_labeled(plans: Path) -> None:
    """In either fold, and their judged ones are different; the same each time."""
    pictures = read_plan_set(plans).samples
    one, other = make_folds(pictures, 3)

    for fold in (one, other):
        judged = {picture.path for picture in fold.judged}
        labeled = {picture.path for picture in fold.labeled}
        assert len(judged) == 3
        assert not judged & labeled
        assert judged | labeled == {picture.path for picture in pictures}
    assert not {p.path for p in one.judged} & {p.path for p in other.judged}
    assert [p.path for p in make_folds(pictures, 3)[0].labeled] == [p.path for p in one.labeled]


def test_the_table_tells_mean_and_spread() -> None:
    """Of the folds, count by count."""
    points = [
        {"plans": 25, "minutes": 10.0, "sets": {"own": {"ap50": ap, "ap50_95": ap / 2}}}
        for ap in (0.8, 0.9)
    ]
    assert as_table(points).splitlines()[2] == "| 25 | 10 | 0.850 ± 0.050 / 0.425 ± 0.025 |"


@pytest.mark.on_demand
def test_a_point_is_trained_and_judged_once(
    plans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights as they are, then trained on two plans, for each of two folds."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PYTHONPATH", "handler:.")
    command = ["--plans", f"own={plans}", "--other", f"other={plans}", "--out", str(tmp_path)]
    command += ["--counts", "2", "--minutes", "5", "--epochs", "2", "--judged", "3"]
    command += ["--threads", "1"]

    assert main(command) == 0
    points = {path: json.loads(path.read_text()) for path in sorted(tmp_path.glob("*/point.json"))}

    assert [point["plans"] for point in points.values()] == [0, 0, 2, 2]
    for point in points.values():
        assert point["sets"].keys() == {"own", "other"}
        assert 0 < point["sets"]["own"]["ap50"] <= 1
    run = json.loads((tmp_path / "2-plans-1" / "run" / "run.json").read_text())
    assert run["settings"]["input_px"] == 640
    assert run["epochs"] == 2
    times = {path: path.stat().st_mtime_ns for path in points}
    assert main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in points} == times


def test_too_few_plans_are_refused(
    plans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is trained."""
    command = ["--plans", f"own={plans}", "--other", f"other={plans}", "--out", str(tmp_path)]
    assert main(command) == 1
    assert "380 are needed" in capsys.readouterr().err
