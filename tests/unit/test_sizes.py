# SPDX-License-Identifier: AGPL-3.0-or-later
"""Networks at several sizes are compared as the server would run them, and told in a table."""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks.sizes.__main__ import (
    Bench,
    Candidate,
    load,
    main,
    parse_args,
    parse_network,
)
from benchmarks.sizes.report import main as report_main
from benchmarks.sizes.report import size_rows
from evaluation.mosaics import KnownPlan
from roomdet.config import Config, Limits, Precision
from roomdet.detector import load_detector
from roomdet.images import read_page
from roomdet.schema import RequestOptions
from tests.conftest import NETWORK, SAMPLE_PNG
from tests.looking import ToldDetector
from training.sample.plan import PLAN_BUILDERS, room_boxes_xyxy_norm

if TYPE_CHECKING:
    from roomdet.detector import RawPrediction
    from roomdet.geometry import Pixels

SAMPLE = KnownPlan(SAMPLE_PNG.read_bytes(), (0, 0), np.zeros((0, 4), np.float32))


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    """A plan set of the sample plan, twice."""
    for name in ("images", "labels"):
        (tmp_path / "plans" / name).mkdir(parents=True)
    lines = [
        f"0 {(x0 + x1) / 2} {(y0 + y1) / 2} {x1 - x0} {y1 - y0}\n"
        for x0, y0, x1, y1 in room_boxes_xyxy_norm(PLAN_BUILDERS[0]())
    ]
    for stem in ("a-1", "a-2"):
        shutil.copy(SAMPLE_PNG, tmp_path / "plans" / "images" / f"{stem}.png")
        (tmp_path / "plans" / "labels" / f"{stem}.txt").write_text("".join(lines))
    return tmp_path / "plans"


def test_networks_and_sizes_are_measured(
    plans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each network at each size has its precision and its milliseconds; the tables show them."""
    command = ["--network", f"n={NETWORK}", "--network", f"n in bf16={NETWORK}:bf16"]
    command += ["--set", f"houses={plans}:a-", "--sides", "320", "640", "--every", "2"]

    assert main([*command, "--rounds", "2", "--pictures", "1"]) == 0

    text = capsys.readouterr().out
    report: dict[str, Any] = json.loads(text)
    assert report["pictures"] == {"houses": 1}
    rows = report["figures"]
    assert [(row["network"], row["side_px"]) for row in rows] == [
        ("n", 320), ("n", 640), ("n in bf16", 320), ("n in bf16", 640),
    ]  # fmt: skip
    for row in rows:
        latency_ms = row["latency_ms"]
        assert 0 < latency_ms["read"] < latency_ms["both"]
        assert 0 < latency_ms["detect"] < latency_ms["both"]
    assert rows[1]["sets"]["houses"]["ap50"] > 0.8
    assert rows[0]["sets"] != rows[1]["sets"]
    assert str(plans) not in text

    figures, document = tmp_path / "sizes.json", tmp_path / "sizes.md"
    figures.write_text(text)
    document.write_text(
        "<!-- figures:sizes -->\n\n<!-- /figures -->\n"
        "<!-- figures:sizes-caption -->\n\n<!-- /figures -->\n"
    )
    assert report_main([str(figures), str(document)]) == 0
    head = "| network | px | ms | of it reading | houses AP50 | houses AP50-95 |\n"
    assert head in document.read_text()
    assert len(size_rows(report)) == 5
    assert "COCO AP on 1 plans of houses;" in document.read_text()


def test_a_network_at_its_own_size_is_what_is_served() -> None:
    """Otherwise the plot would show something else than users get."""
    page = read_page(SAMPLE_PNG.read_bytes(), page=1, side_px=640, limits=Limits())
    served = load_detector(NETWORK, Config()).detect(page.pixels, RequestOptions(confidence=0.01))
    candidate = Candidate("n", 640, load(NETWORK, Precision.AUTO, 640, 0))

    found = candidate.answer(SAMPLE).found

    assert len(found) > 10
    assert found.boxes_xyxy.tolist() == served.boxes_xyxy.tolist()
    assert found.scores.tolist() == served.scores.tolist()


@dataclass(slots=True)
class Noting(ToldDetector):
    """A detector that finds nothing and notes that it was asked."""

    name: str = ""
    asked: list[str] = field(default_factory=list)

    def predict(self, pixels: Pixels) -> RawPrediction:
        """Nothing."""
        self.asked.append(self.name)
        return ToldDetector.predict(self, pixels)


def test_latency_is_taken_in_turns() -> None:
    """A machine that slows down slows all of them; the first round does not count."""
    asked: list[str] = []
    candidates = [Candidate(name, 64, Noting(name=name, asked=asked)) for name in ("n", "s")]

    Bench(candidates, {"houses": [SAMPLE] * 5}).measure_latency(pictures=2, rounds=3)

    assert asked == ["n", "s"] * 2 * 4
    assert [len(candidate.answers) for candidate in candidates] == [6, 6]


def test_networks_are_named() -> None:
    """With their arithmetic or without."""
    assert parse_network("n=a/b") == ("n", Path("a/b"), Precision.AUTO)
    assert parse_network("n=a/b:fp32") == ("n", Path("a/b"), Precision.FP32)
    for wrong in ("a/b", "n=", "=a", "n=a:int8"):
        with pytest.raises(argparse.ArgumentTypeError, match="is not LABEL=FOLDER"):
            parse_network(wrong)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--sides", "500"], "500 is no multiple of 32"),
        (["--rounds", "0"], "0 is below 1"),
        (["--network", "n=other"], "--network: two have the same name"),
    ],
)
def test_bad_usage_is_told(wrong: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is measured."""
    with pytest.raises(SystemExit):
        parse_args(["--network", "n=a", "--set", "s=b", *wrong])
    assert said in capsys.readouterr().err
