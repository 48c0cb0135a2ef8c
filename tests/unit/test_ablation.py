# SPDX-License-Identifier: AGPL-3.0-or-later
"""The ablation compares what can be compared, goes on where it was, and tells differences."""

from __future__ import annotations

import copy
import json
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.ablation.__main__ import check_same, choose
from benchmarks.ablation.judging import PlanSet
from benchmarks.ablation.report import DOCUMENT, RESULTS, main, read_reports, with_figures
from benchmarks.ablation.running import Kitchen, Means, Recipe, run_module
from benchmarks.ablation.variants import AGAIN, DAMAGES, EVERYTHING, STYLES, VARIANTS
from evaluation.corruptions import CORRUPTIONS
from reporting.marks import names
from tests.conftest import NETWORK, ROOT, SAMPLE_PNG
from training.degrade import EFFECT_NAMES
from training.errors import DataError, TrainError
from training.sample.plan import PLAN_BUILDERS, room_boxes_xyxy_norm

if TYPE_CHECKING:
    from collections.abc import Iterator

RECIPE = Recipe(count=4, epochs=2, px=96, batch=2)


# -- variants -------------------------------------------------------------------------------


def test_each_damage_is_left_out_once() -> None:
    """A new effect has to be put with its like; each is judged on pages that exist."""
    left_out = [
        name
        for variant in DAMAGES
        if variant.options[0] == "--without-damage"
        for name in variant.options[1:]
    ]

    assert sorted(left_out) == sorted(EFFECT_NAMES)
    assert all(variant.spoilt for variant in DAMAGES)
    turns = {"90", "180", "270"}  # each picture is turned in training
    strongest = {one.name for one in CORRUPTIONS} - turns - {"blur-1", "thick-1"}
    assert {name for variant in VARIANTS for name in variant.spoilt} == strongest


def test_variants_are_chosen_by_name() -> None:
    """Those that need measured layouts only where there are some."""
    by_name = {variant.name: variant for variant in VARIANTS}
    assert len(by_name) == len(VARIANTS)

    assert choose(None, has_layouts=True) == list(VARIANTS)
    assert by_name["own-layouts-only"] not in choose(None, has_layouts=False)
    assert choose([STYLES[0].name, EVERYTHING], has_layouts=True) == [VARIANTS[0], STYLES[0]]


# -- drawing and training -------------------------------------------------------------------


class Programs:
    """Stands for the programs; notes what is run and writes what they leave."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.ran: list[tuple[str, dict[str, list[str]]]] = []

    def __call__(self, module: str, *options: str) -> None:
        """Note options by name."""
        named: dict[str, list[str]] = {}
        values: list[str] = []
        for option in options:
            if option.startswith("--"):
                values = named.setdefault(option, [])
            else:
                values.append(option)
        self.ran.append((module, named))
        if module == "training.train":
            (folder := Path(named["--out"][0])).mkdir()
            told = {"training_pictures": 3, "epochs": self.epochs, "steps": 4, "elapsed_s": 1.0}
            (folder / "run.json").write_text(json.dumps(told | {"end_sha256": "ab"}))


def kitchen(programs: Programs, layouts: Path | None = None) -> Kitchen:
    """One that runs no real programs."""
    return Kitchen(RECIPE, Means(layouts, minutes=60, threads=1), programs)


def test_variants_differ_in_nothing_but_their_options(tmp_path: Path) -> None:
    """As many pictures, the same seeds, by epochs; only the second run has other seeds."""
    programs = Programs(epochs=2)
    for variant in VARIANTS:
        told = kitchen(programs).make(variant, tmp_path / variant.name)
        assert told == {
            "training_pictures": 3, "epochs": 2, "steps": 4, "elapsed_s": 1.0, "end_sha256": "ab",
        }  # fmt: skip

    again = [variant.name for variant in VARIANTS].index(AGAIN)
    drawn = [named for module, named in programs.ran if module == "training.synth"]
    trained = [named for module, named in programs.ran if module == "training.train"]
    for runs in (drawn, trained):
        seeds = [named.pop("--seed") for named in runs]
        assert seeds[again] != seeds[0]
        seeds[again] = seeds[0]
        assert len({*map(tuple, seeds)}) == 1
    for variant, named in zip(VARIANTS, trained, strict=True):
        folder = tmp_path / variant.name
        assert named.pop("--data") == [str(folder / "plans")]
        assert named.pop("--out") == [str(folder / "run")]
    assert all(named == trained[0] for named in trained)
    assert trained[0]["--epochs"] == ["2"]
    assert trained[0]["--threads"] == ["1"]
    assert all(named["--count"] == ["4"] for named in drawn)


def test_blueprints_are_drawn_once(tmp_path: Path) -> None:
    """What is there is taken; a set of other options is drawn anew."""

    def draws(layouts: Path | None) -> bool:
        programs = Programs(epochs=2)
        kitchen(programs, layouts).make(VARIANTS[0], tmp_path)
        shutil.rmtree(tmp_path / "run")
        return "training.synth" in [module for module, _ in programs.ran]

    layouts = tmp_path / "layouts.jsonl"
    assert [draws(None), draws(None), draws(layouts), draws(layouts)] == [True, False, True, False]


def test_a_run_that_the_clock_ended_is_no_result(tmp_path: Path) -> None:
    """It would have seen fewer pictures than the others."""
    with pytest.raises(TrainError, match="after 1 of 2 epochs"):
        kitchen(Programs(epochs=1)).make(VARIANTS[0], tmp_path)


def test_a_failing_program_ends_the_ablation() -> None:
    """Its exit status is told."""
    with pytest.raises(subprocess.CalledProcessError, match="status 1"):
        run_module("timeit", "no such thing")


@pytest.fixture
def alarm() -> Iterator[None]:
    """A signal after half a second, as an exception."""

    def ring(*_: object) -> None:
        raise InterruptedError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("alarm")
def test_a_stopped_ablation_stops_its_program() -> None:
    """Nothing goes on training behind it."""
    started_s = time.monotonic()

    with pytest.raises(InterruptedError):
        run_module("timeit", "-n", "1", "-r", "1", "import time; time.sleep(60)")
    assert time.monotonic() - started_s < 30


# -- judging --------------------------------------------------------------------------------


def test_a_network_is_judged_on_clean_and_spoilt_pages(tmp_path: Path) -> None:
    """The shipped one finds the sample plan's rooms, also on one that is blurred."""
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    lines = [
        f"0 {(x0 + x1) / 2} {(y0 + y1) / 2} {x1 - x0} {y1 - y0}\n"
        for x0, y0, x1, y1 in room_boxes_xyxy_norm(PLAN_BUILDERS[0]())
    ]
    for stem in ("a-1", "a-2", "a-3", "b-1"):
        shutil.copy(SAMPLE_PNG, tmp_path / "images" / f"{stem}.png")
        (tmp_path / "labels" / f"{stem}.txt").write_text("".join(lines))
    plans = PlanSet.read(tmp_path, "a-", every=2, spoilt_pictures=1)

    figures: dict[str, Any] = plans.judge(NETWORK, ("blur-1", "90"))

    assert (figures["pictures"], figures["spoilt_pictures"]) == (2, 1)
    assert list(figures["spoilt"]) == ["blur-1", "90"]
    assert figures["clean"]["ap50"] > 0.8
    assert all(spoilt["ap50"] > 0.5 for spoilt in figures["spoilt"].values())


# -- results --------------------------------------------------------------------------------


def report_of(ap50: float, **spoilt: float) -> dict[str, Any]:
    """A variant's report with one set."""
    return {
        "settings": {
            "count": 1000, "epochs": 6, "px": 320, "batch": 8, "measured_layouts": True,
            "sets": {"houses": 381}, "spoilt": 100,
        },
        "machine": {"cpu": "Some CPU", "date": "2026-01-02"},
        "training": {"training_pictures": 999, "epochs": 6, "steps": 750, "elapsed_s": 9},
        "sets": {
            "houses": {
                "pictures": 381,
                "clean": {"ap50": ap50, "ap50_95": ap50 / 2},
                "spoilt_pictures": 96,
                "spoilt": {name: {"ap50": value} for name, value in spoilt.items()},
            }
        },
    }  # fmt: skip


REPORTS = {
    EVERYTHING: report_of(0.5, jpeg=0.4),
    AGAIN: report_of(0.52, jpeg=0.42),
    "no-names": report_of(0.53),
    "no-jpeg": report_of(0.5, jpeg=0.25),
}


def write(folder: Path, reports: dict[str, Any]) -> Path:
    """The files that the ablation leaves."""
    folder.mkdir()
    for name, report in reports.items():
        (folder / f"{name}.json").write_text(json.dumps(report))
    return folder


def test_the_document_shows_the_committed_figures() -> None:
    """The report program would change nothing, and there is something to change."""
    text = (ROOT / DOCUMENT).read_text("utf-8")

    assert {"ablation", "ablation-spoilt", "ablation-caption"} == names(text)
    assert with_figures(text, read_reports(ROOT / RESULTS)) == text


def test_differences_are_told(tmp_path: Path) -> None:
    """From the mean of two runs, whose own difference is told; the greatest loss first."""
    document = tmp_path / "ablation.md"
    document.write_text((ROOT / DOCUMENT).read_text("utf-8"))
    results = write(tmp_path / "results", REPORTS)

    assert main([str(results), str(document)]) == 0

    text = document.read_text("utf-8")
    assert (
        "| left out | houses AP50 | houses AP50-95 |\n|---|---|---|\n"
        "| nothing | 0.510 ± 0.010 | 0.255 ± 0.005 |\n"
        "| JPEG | 0.500 (−0.010) | 0.250 (−0.005) |\n"
        "| names of rooms | 0.530 (+0.020) | 0.265 (+0.010) |\n"
    ) in text
    assert (
        "| pages | left out | houses: with | houses: without |\n|---|---|---|---|\n"
        "| jpeg | JPEG | 0.410 ± 0.010 | 0.250 (−0.160) |\n<!--"
    ) in text
    assert "750 steps of 8 pictures of 320 px, with measured layouts; judged on 381 plans" in (
        " ".join(text.split())
    )


@pytest.mark.parametrize(
    ("key", "value"), [("training", {"steps": 749}), ("settings", {"count": 999})]
)
def test_what_cannot_be_compared_is_refused(
    tmp_path: Path, key: str, value: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    """One picture less is another experiment."""
    reports = copy.deepcopy(REPORTS)
    reports["no-names"][key] |= value
    results = write(tmp_path / "results", reports)

    assert main([str(results), str(ROOT / DOCUMENT)]) == 1
    assert "no-names has" in capsys.readouterr().err


def test_results_of_other_settings_are_not_mixed(tmp_path: Path) -> None:
    """Neither when they are measured; without everything there is nothing to compare with."""
    results = write(tmp_path / "results", {"no-names": report_of(0.5)})
    settings = report_of(0.5)["settings"]

    check_same(results, settings)
    with pytest.raises(DataError, match=r"epochs: 6 → 7\); take another"):
        check_same(results, settings | {"epochs": 7})
    with pytest.raises(DataError, match=r"no everything\.json"):
        read_reports(results)
