# SPDX-License-Identifier: AGPL-3.0-or-later
"""The arithmetic of the benchmarks, and their page, which says what was measured."""

from __future__ import annotations

import http.server
import json
import os
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import PIL
import pytest

from benchmarks.bench.__main__ import ask_peers
from benchmarks.bench.bar import Check, judge
from benchmarks.bench.costs import Instance, Serverless, Work, price_rows
from benchmarks.bench.figures import (
    gb_seconds_per_1000,
    latency_figures,
    memory_tier_mb,
    percentile,
    ratio_of_rounds,
)
from benchmarks.bench.load import Client, run
from benchmarks.bench.rounds import CROWD
from benchmarks.bench.sheet_rounds import levels_of
from benchmarks.bench.starting import Setup
from benchmarks.bench.tables import BLOCKS, caption, cost_rows, with_figures, with_summary
from reporting import machine
from reporting.marks import names
from reporting.processes import hwm_mb, processor_s, pss_mb, session
from roomdet.schema import Detail
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = ROOT / "docs" / "benchmarks.md"
REPORT = ROOT / "docs" / "benchmarks" / "benchmarks.json"


def test_the_page_shows_the_committed_figures() -> None:
    """`make bench-docs` would change nothing, and each table has its place."""
    text = PAGE.read_text("utf-8")

    assert names(text) == set(BLOCKS)
    assert with_figures(text, json.loads(REPORT.read_text("utf-8"))) == text


def test_readme_shows_the_committed_figures() -> None:
    """Its block is another program's than those about accuracy, which stay as they are."""
    text = (ROOT / "README.md").read_text("utf-8")

    assert {"peers"} == names(text, "bench")
    assert {"accuracy"} < names(text)
    assert with_summary(text, json.loads(REPORT.read_text("utf-8"))) == text


def test_the_committed_bar_follows_from_the_committed_figures() -> None:
    """Nobody wrote a ratio by hand."""
    report = json.loads(REPORT.read_text("utf-8"))

    assert [check.as_json for check in judge(report)] == report["bar"]


def test_a_package_that_is_not_installed_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither with a version nor without one."""
    monkeypatch.setattr(machine, "PACKAGES", ("no-such-package", "pillow"))

    assert {"pillow": PIL.__version__} == machine.describe()["packages"]


def test_the_peers_own_python_tells_what_they_run_with(tmp_path: Path) -> None:
    """Their torch is not looked for in this project's environment, nor through its modules."""
    peers_python = tmp_path / "python"
    peers_python.write_text('#!/bin/sh\nprintf \'["%s", "%s"]\' "$*" "$PYTHONPATH"\n')
    peers_python.chmod(0o755)
    setup = Setup(tmp_path, tmp_path, tmp_path, tmp_path, peers_python, 1)

    assert ["-m reporting.machine", str(ROOT)] == ask_peers(setup, "reporting.machine")


def test_the_page_names_the_peers_torch() -> None:
    """This project has none."""
    own, _, peers = caption(json.loads(REPORT.read_text("utf-8"))).partition("Peers:")

    assert "torchserve" in own
    assert "torch " not in own
    assert re.search(r"\btorch\s[0-9]", peers)


@pytest.mark.parametrize(
    ("values", "cut", "expected"),
    [
        pytest.param([7.0], 99, 7.0, id="one value"),
        pytest.param([3.0, 1.0, 2.0], 50, 2.0, id="in any order"),
        pytest.param([1.0, 2.0], 50, 1.5, id="between two"),
        pytest.param([float(n) for n in range(101)], 95, 95.0, id="of many"),
        pytest.param([1.0, 9.0], 100, 9.0, id="the largest"),
    ],
)
def test_percentiles(values: list[float], cut: int, expected: float) -> None:
    """Interpolated between neighbors, as numpy does by default."""
    assert expected == pytest.approx(percentile(values, cut))


def test_nothing_has_no_percentile() -> None:
    """A block without an answer is no latency of zero."""
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


def test_p50_is_the_median_of_the_rounds() -> None:
    """A round that was disturbed does not move it; the tail is that of all requests."""
    figures = latency_figures([[10.0] * 5, [11.0] * 5, [90.0] * 50])

    assert (11.0, 90.0, 60) == (figures["p50_ms"], figures["p99_ms"], figures["requests"])


def test_a_ratio_is_taken_round_by_round() -> None:
    """Twice as slow in the second round for both is no difference."""
    assert 0.5 == ratio_of_rounds([10, 20, 10], [20, 40, 20])


@pytest.mark.parametrize(
    ("peak_mb", "tier_mb"),
    [
        pytest.param(1, 1024, id="the smallest"),
        pytest.param(1073.7, 1024, id="MB are not MiB"),
        pytest.param(1074, 2048, id="just too much"),
        pytest.param(6442.4, 6144, id="the largest"),
        pytest.param(6443, None, id="too much for all"),
    ],
)
def test_memory_tiers(peak_mb: float, tier_mb: int | None) -> None:
    """Tiers are MiB, peaks MB."""
    assert tier_mb == memory_tier_mb(peak_mb)


def test_cost_of_a_thousand_pictures() -> None:
    """1,000 times 50 ms in 2 GB are 100 GB-seconds."""
    assert 100 == gb_seconds_per_1000(50, 2048)


def report(ours_ms: float, peak_mb: float) -> dict[str, Any]:
    """A report of one round, in which the peers take 100 ms and 1,000 MB."""

    def rounds(ms: float) -> dict[str, Any]:
        return {"p50_ms": ms, "rounds_p50_ms": [ms], "processor_ms": 1.5 * ms}

    def latency(ms: float) -> dict[str, Any]:
        return {name: {"1": rounds(ms)} for name in ("plan.png", "a1.pdf", "a1.tif")}

    def rate(per_s: float) -> dict[str, Any]:
        return {"per_s": per_s, "rounds_per_s": [per_s]}

    peers = ("fastapi_int8", "fastapi", "torchserve", "litserve")
    memory = {f"{key}_mb": 1000 for key in ("idle", "idle_hwm", "plans", "all", "all_hwm")}
    own_memory = memory | {"idle_mb": 300, "idle_hwm_mb": 300, "plans_mb": peak_mb}
    start = {"warm_p50_s": 4.0, "cold_p50_s": 10.0}
    starts = dict.fromkeys(("fastapi_int8", "torchserve"), start)
    of_sheets = {
        name: {picture: {"sheet": rounds(ms)} for picture in ("sheet.pdf", "sheet.tif")}
        for name, ms in (("ours", 2200), ("limit", 2000), ("sahi", 5000))
    }
    return {
        "format": 2,
        "settings": {"quick": False},
        "sheets": {"latency": of_sheets},
        "latency": {"ours": latency(ours_ms), "limit": latency(25)}
        | {name: latency(100) for name in peers},
        "throughput": {
            "ours": {"5": rate(1000 / ours_ms)},
            "fastapi_int8": {"5": rate(20)},
            "fastapi": {"5": rate(10)},
            "limit": {"1": rate(40)},
            CROWD: {"2": rate(50)},
        },
        "start": {"servers": {"ours": {"warm_p50_s": 1.0, "cold_p50_s": 6.0}} | starts},
        "memory": {"ours": own_memory} | dict.fromkeys(peers, memory),
    }


def test_the_bar_is_kept_where_the_figures_keep_it() -> None:
    """Each line by itself: here the cold start and the peak with all pictures miss it."""
    checks = judge(report(ours_ms=20, peak_mb=330))

    missed = [check.what.partition(":")[0] for check in checks if not check.passed]
    assert ["start to first answer, cold", "peak memory, all pictures"] * 2 == missed


def test_the_strongest_peer_has_a_bar_of_its_own() -> None:
    """Of 100 ms ours take 40, which is enough; 25 answers a second for 20 are not."""
    told = report(ours_ms=40, peak_mb=340)
    peer = "ours / FastAPI with OpenVINO int8"

    values = {check.what: check for check in judge(told) if check.what.endswith(peer)}
    assert 6 == len(values)
    assert values[f"p50, one client, PNG: {peer}"].passed
    assert not values[f"throughput, five clients: {peer}"].passed
    assert not values[f"peak memory, plans: {peer}"].passed


@pytest.mark.parametrize(("kind", "missing"), [("latency", "fastapi_int8"), ("sheets", "latency")])
def test_a_report_of_today_has_every_row(kind: str, missing: str) -> None:
    """One of format 1 was measured before there were these, and keeps the bar of its day."""
    told = report(ours_ms=20, peak_mb=330)
    del told[kind][missing]

    assert judge(told | {"format": 1})
    with pytest.raises(KeyError, match=missing):
        judge(told)


def test_only_a_quick_run_may_leave_out_the_scan() -> None:
    """It is judged by the sheet that it has."""
    told = report(ours_ms=20, peak_mb=330)
    for of_picture in told["sheets"]["latency"].values():
        del of_picture["sheet.tif"]

    quick = [check.what for check in judge(told | {"settings": {"quick": True}})]
    assert 2 == sum(what.startswith("p50, all levels") for what in quick)
    with pytest.raises(KeyError, match=r"sheet\.tif"):
        judge(told)


def test_a_sheet_is_judged_beside_sahi_and_its_limit() -> None:
    """2.6 s are more than half of SAHI's 5 s and more than a quarter above the limit's 2 s."""
    told = report(ours_ms=20, peak_mb=330)
    kept = [check.passed for check in judge(told) if check.what.startswith("p50, all levels")]
    told["sheets"]["latency"]["ours"]["sheet.pdf"]["sheet"]["rounds_p50_ms"] = [2600, 2600]
    for name in ("sahi", "limit"):
        told["sheets"]["latency"][name]["sheet.pdf"]["sheet"]["rounds_p50_ms"] *= 2

    missed = [check.passed for check in judge(told) if check.what.startswith("p50, all levels")]
    assert [True] * 4 == kept
    assert [False] * 2 == missed[:2]


def test_the_limit_on_all_cores_is_the_better_one() -> None:
    """40 pictures a second of ours are all that one process reaches, but not what two do."""
    checks = {check.what: check for check in judge(report(ours_ms=25, peak_mb=600))}

    check = checks["throughput, five clients: ours / limit on all cores"]
    assert pytest.approx(0.8) == check.value
    assert not check.passed


def test_a_bound_itself_is_kept() -> None:
    """At most and at least include the bound."""
    assert Check("", 0.4, 0.4).passed
    assert Check("", 3.0, 3.0, at_least=True).passed


def test_peers_are_told_the_levels_and_tiles_of_a_page() -> None:
    """Of a page of lines there are four, of 640 to 4160 px; the first is one tile."""
    levels = levels_of(ROOT / "docs/sample/plan.pdf", Detail.SHEET)

    assert [640, 1280, 2560, 4160] == [max(level.size_wh) for level in levels]
    assert levels_of(ROOT / "docs/sample/plan.pdf", Detail.PAGE) == levels[:1]
    assert levels[0].size_wh == levels[0].tile_wh
    assert [1, 1, 6, 15] == [level.tiles for level in levels]
    assert all(max(level.tile_wh) <= 1280 for level in levels)


def test_what_a_thousand_plans_take() -> None:
    """1,000 MB fit into 1024 MiB; 20 ms of it, a thousand times, are 20 GB-seconds."""
    assert ["**this project**", "1,024", "20", "20", "30"] == cost_rows(
        report(ours_ms=20, peak_mb=1000)
    )[1]


WORK = Work("flat", "ours", p50_ms=20, processor_ms=36, peak_mb=1500)


@pytest.mark.parametrize(
    ("tier_mib", "price"),
    [
        pytest.param(1024, None, id="too little memory"),
        pytest.param(2048, 72.0, id="one core: all its processor time"),
        pytest.param(4096, 80.0, id="two cores: no longer than was measured"),
        pytest.param(6144, 120.0, id="three: no shorter, either"),
    ],
)
def test_serverless_bills_memory_times_duration(tier_mib: int, price: float | None) -> None:
    """1,000 times 36 ms of 2 GB, or 20 ms of more."""
    assert price == pytest.approx(
        Serverless(gb_second=1.0, mib_per_core=2048).price(WORK, tier_mib)
    )


def test_an_instance_is_paid_for_its_processor_time() -> None:
    """36 core-seconds are 1 of 100 hours of a core; four have a quarter of the hour."""
    assert 1.0 == pytest.approx(Instance.parse("ml.c6i.large:2:200").price(WORK))
    assert 0.5 == pytest.approx(Instance.parse("other:4:200").price(WORK))


def test_prices_are_of_flats_and_of_sheets() -> None:
    """Each server has its line; sheets are there as soon as they were measured."""
    told = report(ours_ms=20, peak_mb=300)
    told["sheets"]["peak_hwm_mb"] = {"ours": 500, "limit": 300, "sahi": 1500}
    lines = price_rows(told, Serverless(1.0, 1769), [Instance("one", 1, 1.0)])[1:]

    assert 5 + 3 == len(lines)
    assert all(len(line) == 3 + 6 + 1 for line in lines)
    assert ["", "3,300"] == [lines[-1][3], lines[5][2]]
    assert 5 == len(price_rows({**told, "sheets": {"latency": {}}}, Serverless(1, 1), [])[1:])


class _Server(http.server.BaseHTTPRequestHandler):
    """Refuses every third request."""

    protocol_version = "HTTP/1.1"
    asked = 0
    lock = threading.Lock()

    def do_POST(self) -> None:
        """Read the picture and answer."""
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock:
            type(self).asked += 1
            refuses = type(self).asked % 3 == 0
        body = b"{}" if refuses else b'{"detected_rooms": [1, 2]}'
        self.send_response(503 if refuses else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Say nothing."""


@contextmanager
def served() -> Iterator[str]:
    """Address of such a server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_refusals_are_counted_and_tried_again() -> None:
    """Only answers have a latency, and a refused request is answered in the end."""
    _Server.asked = 1  # the next warms up, and the one after it, some client's first, is refused
    with served() as url:
        told: dict[str, Any] = run([Client(url, b"picture") for _ in range(3)], seconds=0, least=4)

    assert 12 == len(told["ms"])
    assert 2 == told["rooms"]
    assert _Server.asked == 1 + 1 + 12 + told["refused"]
    assert told["refused"] > 0
    assert max(told["ms"]) >= 50  # the pause is part of the latency


def test_this_process_has_memory_and_processor_time() -> None:
    """Read from /proc for the session of these tests."""
    leader = os.getsid(0)
    before_s = processor_s(leader)
    sum(range(3_000_000))

    assert os.getpid() in session(leader)
    assert 0 < pss_mb(leader) <= hwm_mb(leader)
    assert processor_s(leader) > before_s
