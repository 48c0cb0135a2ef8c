# SPDX-License-Identifier: AGPL-3.0-or-later
"""The figures about memory and sizes in the documents are those of benchmarks/results."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.memory_report import (
    DOCUMENTS,
    RESULTS,
    area_rows,
    blocks,
    sheet_rows,
    stage_rows,
    tier_caption,
    tier_rows,
)
from benchmarks.tiers import sizes
from reporting.marks import fill, names
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

MACHINE = {"cores": 2, "cpu": "Some CPU", "date": "2026-01-02"}


def load(concurrency: int, statuses: dict[str, int]) -> dict[str, Any]:
    """One load of a container."""
    return {
        "concurrency": concurrency,
        "statuses": statuses,
        "per_s": 30.0,
        "p50_ms": 20.0 * concurrency,
        "p95_ms": 99.0,
        "cpu_ms": 44.4,
    }


TIERS: dict[str, Any] = {
    "machine": MACHINE,
    "cpus_not_measured": [4],
    "picture_wh": [1240, 880],
    "tiers": [
        {
            "memory_mb": 2048, "cpus": 2, "workers": 1, "threads": 2,
            "load": [load(1, {"200": 9}), load(5, {"200": 8, "503": 2})],
            "processes_mb": {"together": 512},
        },
        {"memory_mb": 1024, "cpus": 1, "workers": 2, "threads": 1, "refused": "too little"},
    ],
    "sheets": [
        {
            "memory_mb": 1024, "cpus": 2, "sheet": "a1.png", "median_ms": 1095,
            "idle_mb": {"together": 500}, "at_once_statuses": {"200": 4, "413": 1},
            "one_by_one": {"processes_mb": {"together": 840}},
            "at_once": {"processes_mb": {"together": 900}},
        }
    ],
}  # fmt: skip


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_documents_show_the_committed_figures(document: Path) -> None:
    """`python -m benchmarks.memory_report` would change nothing, and there is something to show."""
    text = (ROOT / document).read_text("utf-8")

    assert names(text)
    assert fill(text, blocks(ROOT / RESULTS)) == text


def test_every_block_is_shown_somewhere() -> None:
    """Nothing is measured and generated for no reader."""
    shown = set().union(*(names((ROOT / path).read_text("utf-8")) for path in DOCUMENTS))

    assert set(blocks(ROOT / RESULTS)) == shown


def test_the_curves_show_the_committed_figures() -> None:
    """Who measures again draws again."""
    digest = hashlib.sha256((ROOT / RESULTS / "tiers.json").read_bytes()).hexdigest()

    assert f"sha256 {digest}" in (ROOT / "docs" / "tiers.svg").read_text("utf-8")


def test_a_block_that_nothing_writes_is_an_error() -> None:
    """A mistyped name does not keep old figures for ever."""
    with pytest.raises(KeyError):
        fill("<!-- figures:tires -->\nold\n<!-- /figures -->", blocks(ROOT / RESULTS))


def test_a_container_under_load_has_a_row() -> None:
    """Refused requests are told; a GiB-second is memory times the time of one client's picture."""
    _, row, refused = tier_rows(TIERS)

    assert row == [
        "2048 MiB, 2 CPUs", "1 × 2", "30.0", "30.0 (2 refused)", "20 ms", "100 ms", "44 ms", "40",
        "512",
    ]  # fmt: skip
    assert refused[:3] == ["1024 MiB, 1 CPU", "2 × 1", "does not start"]
    assert len(refused) == len(row)


def test_a_sheet_has_a_row() -> None:
    """What it takes over the idle server, and what five at once did."""
    assert sheet_rows(TIERS)[1] == [
        "1024 MiB, 2 CPUs", "a1.png", "1,095 ms", "340", "840", "4 × 200, 1 × 413", "900",
    ]  # fmt: skip


def test_what_was_not_measured_is_said() -> None:
    """A machine of two CPUs says nothing about four."""
    assert "no 4 CPUs: not measured" in tier_caption(TIERS).replace("\n", " ")


def test_a_second_network_adds_to_the_first() -> None:
    """Stages that come twice share a row; a stage that only one of both has leaves a gap."""
    before = {"worker": {"stages": [
        {"stage": "Python", "rss_mb": 10.0}, {"stage": "import torch", "rss_mb": 110.0},
        {"stage": "network compiled", "rss_mb": 130.0},
    ]}}  # fmt: skip
    now = {"worker": {"stages": [
        {"stage": "Python", "rss_mb": 10.0}, {"stage": "network compiled", "rss_mb": 30.0},
        {"stage": "network read", "rss_mb": 31.0}, {"stage": "network compiled", "rss_mb": 36.0},
    ]}}  # fmt: skip

    assert stage_rows(before, now)[1:] == [
        ["Python", "+10", "10", "+10", "10"],
        ["import torch", "+100", "110", "", ""],
        ["network compiled", "+20", "130", "+25", "36"],
        ["network read", "", "", "+1", "31"],
    ]


def test_small_areas_share_a_row() -> None:
    """The sum is that of all."""
    areas = {"java heap": 50.0, "gc": 0.4, "safepoint": 0.4}
    report = {"jvm": {"resident_mb": {"idle": areas, "after plans": areas | {"java heap": 70.0}}}}

    assert area_rows(report, report)[1:] == [
        ["java heap", "50", "70", "50", "70"],
        ["the rest", "1", "1", "1", "1"],
        ["together", "51", "71", "51", "71"],
    ]


def test_sizes_that_the_machine_lacks_are_left_out() -> None:
    """A container of four CPUs on two would measure something else."""
    assert {1, 2} == {size.cpus for size in sizes(2)}
    assert {1, 2, 4} == {size.cpus for size in sizes(4)}
