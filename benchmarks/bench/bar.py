# SPDX-License-Identifier: AGPL-3.0-or-later
"""The bar: ratios that one run has to reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.bench.figures import ratio_of_rounds
from benchmarks.bench.rounds import CROWD
from benchmarks.bench.starting import FASTAPI, INT8, LIMIT, OURS, SAHI, TORCHSERVE

if TYPE_CHECKING:
    from collections.abc import Mapping

PLAN, SHEETS = "plan.png", {"a1.pdf": "A1 PDF", "a1.tif": "A1 G4 TIFF"}
OVER_IDLE_MB = 900
# Of a synthetic sheet of more than 100 rooms, on all levels.
ALL_LEVELS = {"sheet.pdf": "A1 PDF of 134 rooms", "sheet.tif": "its scan as G4 TIFF"}
# Reports of this format and later have the strongest peer and sheets, and are judged by them.
STRONGEST_FORMAT = 2


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the bar."""

    what: str
    value: float
    bound: float
    at_least: bool = False

    @property
    def passed(self) -> bool:
        """Whether the value keeps the bound."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    @property
    def as_json(self) -> dict[str, Any]:
        """For the report."""
        sign = "≥" if self.at_least else "≤"
        return {
            "what": self.what,
            "value": round(self.value, 3),
            "bound": f"{sign} {self.bound:,}",
            "passed": self.passed,
        }


def judge(report: Mapping[str, Any]) -> list[Check]:
    """Compare the figures of a report with the bar.

    Raises:
        KeyError: If it lacks what reports of its format have.
    """
    checks = [*_latency(report), *_throughput(report), *_start(report), *_memory(report)]
    if report["format"] < STRONGEST_FORMAT:
        return checks
    return [*_strongest(report), *_sheets(report), *checks]


def _strongest(report: Mapping[str, Any]) -> list[Check]:
    """Beside ultralytics' own int8 for OpenVINO in FastAPI."""
    latency, rate = (
        [report[kind][name] for name in (OURS, INT8)] for kind in ("latency", "throughput")
    )
    p50_ms = [of[PLAN]["1"]["rounds_p50_ms"] for of in latency]
    per_s = [of["5"]["rounds_per_s"] for of in rate]
    start, memory = (
        [of[name] for name in (OURS, INT8)] for of in (report["start"]["servers"], report["memory"])
    )
    peer = "ours / FastAPI with OpenVINO int8"
    return [
        Check(f"p50, one client, PNG: {peer}", ratio_of_rounds(*p50_ms), 0.62),
        Check(f"throughput, five clients: {peer}", ratio_of_rounds(*per_s), 1.9, at_least=True),
        *(
            Check(
                f"start to first answer, {kind}: {peer}",
                start[0][f"{kind}_p50_s"] / start[1][f"{kind}_p50_s"],
                0.45,
            )
            for kind in ("warm", "cold")
        ),
        *(
            Check(f"peak memory, {title}: {peer}", memory[0][key] / memory[1][key], 0.33)
            for key, title in (("plans_mb", "plans"), ("all_mb", "all pictures"))
        ),
    ]


def _sheets(report: Mapping[str, Any]) -> list[Check]:
    """Each sheet that the bar names; a quick run has the first alone."""
    latency = report["sheets"]["latency"]
    asked = list(ALL_LEVELS.items())[: 1 if report["settings"]["quick"] else None]
    return [
        Check(
            f"p50, all levels, {title}: ours / {other_title}",
            ratio_of_rounds(
                *(latency[name][picture]["sheet"]["rounds_p50_ms"] for name in (OURS, other))
            ),
            bound,
        )
        for picture, title in asked
        for other, other_title, bound in (
            (SAHI, "SAHI with the same tiles", 0.5),
            (LIMIT, "limit", 1.25),
        )
    ]


def _latency(report: Mapping[str, Any]) -> list[Check]:
    def ratio(picture: str, other: str) -> float:
        ours, theirs = (
            report["latency"][name][picture]["1"]["rounds_p50_ms"] for name in (OURS, other)
        )
        return ratio_of_rounds(ours, theirs)

    of_limit = 1.10 if report["format"] >= STRONGEST_FORMAT else 1.25
    sheets = [
        Check(f"p50, one client, {title}: ours / FastAPI", ratio(name, FASTAPI), 0.5)
        for name, title in SHEETS.items()
    ]
    return [
        Check("p50, one client, PNG: ours / FastAPI", ratio(PLAN, FASTAPI), 0.4),
        Check("p50, one client, PNG: ours / limit", ratio(PLAN, LIMIT), of_limit),
        *sheets,
    ]


def _throughput(report: Mapping[str, Any]) -> list[Check]:
    of = report["throughput"]
    ours = of[OURS]["5"]["rounds_per_s"]
    # The better of the two ways to use all cores without a server.
    limit = max(
        (figures for name in (LIMIT, CROWD) for figures in of[name].values()),
        key=lambda figures: float(figures["per_s"]),
    )
    fastapi = ratio_of_rounds(ours, of[FASTAPI]["5"]["rounds_per_s"])
    return [
        Check("throughput, five clients: ours / FastAPI", fastapi, 3.0, at_least=True),
        Check(
            "throughput, five clients: ours / limit on all cores",
            ratio_of_rounds(ours, limit["rounds_per_s"]),
            0.85,
            at_least=True,
        ),
    ]


def _start(report: Mapping[str, Any]) -> list[Check]:
    servers = report["start"]["servers"]
    return [
        Check(
            f"start to first answer, {kind}: ours / TorchServe with ultralytics",
            servers[OURS][f"{kind}_p50_s"] / servers[TORCHSERVE][f"{kind}_p50_s"],
            0.5,
        )
        for kind in ("warm", "cold")
    ]


def _memory(report: Mapping[str, Any]) -> list[Check]:
    ours, theirs = report["memory"][OURS], report["memory"][TORCHSERVE]
    ratios = [
        Check(
            f"peak memory, {title}: ours / TorchServe with ultralytics",
            ours[f"{key}_mb"] / theirs[f"{key}_mb"],
            0.6,
        )
        for key, title in (("plans", "plans"), ("all", "all pictures"))
    ]
    over_idle_mb = max(ours["all_mb"] - ours["idle_mb"], ours["all_hwm_mb"] - ours["idle_hwm_mb"])
    return [*ratios, Check("MB over idle, all pictures: ours", over_idle_mb, OVER_IDLE_MB)]
