# SPDX-License-Identifier: AGPL-3.0-or-later
"""Start and memory, each server alone: others would keep the page cache warm and share pages.

The time from start to the first answer runs from before the process is made to the last byte of the
answer to a 1-megapixel plan, asked for again and again from the beginning. A warm start follows
another start of the same server; before a cold one, the page cache is dropped. What the server's
processes read from the disk is told beside it. A virtual machine's host may still have had it in
memory.
"""

from __future__ import annotations

import statistics
import sys
import time
import urllib.request
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from benchmarks.bench import page_cache
from benchmarks.bench.load import HEADERS
from benchmarks.bench.services import BenchError, HttpService, Load
from benchmarks.bench.starting import NETWORK, SERVERS, TURN_TAKERS
from reporting.processes import Watch, hwm_mb, pss_mb, read_mb, session
from serving.loopback import exchange

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.bench.services import Service
    from benchmarks.bench.starting import Setup, Start

READY_TIMEOUT_S = 120.0
_POLL_S = 0.01
PLAN_LOADS = (Load(1, 0, 5), Load(5, 0, 4))
SHEET_LOADS = (Load(1, 0, 2), Load(5, 0, 1))
# The network alone starts as the limit does.
STARTERS: dict[str, Start] = SERVERS | {
    name: start for name, start in TURN_TAKERS.items() if name != NETWORK
}


def wait_first_answer(service: Service, plan: Path) -> None:
    """Return as soon as the plan was answered.

    Raises:
        BenchError: If it never is.
    """
    if not isinstance(service, HttpService):
        service.work(plan, Load(1, 0, 0))
        return
    request = urllib.request.Request(f"{service.url}/invocations", plan.read_bytes(), HEADERS)
    deadline_s, status, body = time.monotonic() + READY_TIMEOUT_S, 0, b""
    while time.monotonic() < deadline_s and session(service.leader):
        with suppress(OSError):  # nothing listens yet
            status, body = exchange(request, timeout_s=READY_TIMEOUT_S)
        if status == HTTPStatus.OK:
            return
        time.sleep(_POLL_S)
    raise BenchError(f"{service.url} does not answer: {status} {body[:500]!r}")


def measure_starts(setup: Setup, plan: Path, count: int, folders: list[Path]) -> dict[str, Any]:
    """Seconds from start to first answer, warm and cold, servers taking turns.

    Args:
        setup: What is started.
        plan: The picture that is asked for.
        count: Starts of each kind.
        folders: Hold the environments; what is forgotten where the page cache cannot be dropped.
    """
    found: dict[str, Any] = {
        name: {f"{kind}_{what}": [] for kind in ("warm", "cold") for what in ("s", "read_mb")}
        for name in setup.chosen(STARTERS)
    }
    how = ""
    for number in range(count):
        for name in found:
            print(f"start {number + 1} of {count}: {name} …", file=sys.stderr, flush=True)
            how = page_cache.forget(folders)
            for kind in ("cold", "warm"):
                seconds, megabytes = _time_start(name, setup, plan)
                found[name][f"{kind}_s"].append(round(seconds, 2))
                found[name][f"{kind}_read_mb"].append(round(megabytes))
    for values in found.values():
        for kind in ("cold", "warm"):
            values[f"{kind}_p50_s"] = round(statistics.median(values[f"{kind}_s"]), 2)
    return {"cold_by": how, "servers": found}


def _time_start(name: str, setup: Setup, plan: Path) -> tuple[float, float]:
    started_s = time.perf_counter()
    with STARTERS[name](setup) as service:
        wait_first_answer(service, plan)
        return time.perf_counter() - started_s, read_mb(service.leader)


def measure_memory(setup: Setup, pictures: Mapping[str, Path], plan: str) -> dict[str, Any]:
    """Memory after the first answer, and peaks: with ordinary plans, then with every picture.

    Each picture is sent one at a time and by five clients at once.
    """
    report = {}
    for name, start in setup.chosen(STARTERS).items():
        print(f"memory: {name} …", file=sys.stderr, flush=True)
        with start(setup) as service:
            watch = Watch(service.leader)
            with watch.sampling():
                wait_first_answer(service, pictures[plan])
            figures = {"idle": pss_mb(service.leader), "idle_hwm": hwm_mb(service.leader)}
            with watch.sampling():
                _send(service, pictures[plan], PLAN_LOADS)
            figures |= {"plans": watch.peak_pss_mb, "plans_hwm": hwm_mb(service.leader)}
            with watch.sampling():
                for picture, path in pictures.items():
                    if picture != plan:
                        _send(service, path, SHEET_LOADS)
            figures |= {"all": watch.peak_pss_mb, "all_hwm": hwm_mb(service.leader)}
        report[name] = {f"{key}_mb": round(value) for key, value in figures.items()}
    return report


def _send(service: Service, picture: Path, loads: tuple[Load, ...]) -> None:
    for load in loads:
        service.work(picture, load)
