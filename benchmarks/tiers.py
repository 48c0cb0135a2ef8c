# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sizes of container against workers and threads: pictures per second, waiting times, memory.

``python -m benchmarks.tiers`` prints JSON. Every container is one of :mod:`benchmarks.hosted`, with
the limits of a real one; CPUs that the machine lacks are left out and named. The clients run
outside of the limits, on the same machine. Linux only, as root.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import psutil
from PIL import Image

from benchmarks.caller import calling
from benchmarks.hosted import Hosted, Tree, hosted, pack
from benchmarks.processes import peak_mb
from benchmarks.sheets import draw_sheets
from benchmarks.traffic import Request
from reporting import machine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.caller import Caller

Row: TypeAlias = dict[str, Any]
MEMORY_MB = (1024, 2048, 3072)
# Workers and threads of each, by CPUs.
SHARES: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((1, 1), (1, 2), (2, 1)),
    2: ((1, 1), (1, 2), (2, 1), (2, 2)),
    4: ((1, 2), (1, 4), (2, 2), (4, 1)),
}
CONCURRENCIES = (1, 5, 10)
SECONDS = 6.0
WARM_UP = 10
SHEET_MEMORY_MB = (1024, 2048)
SHEETS_AT_ONCE = 5
PLAN, PLAN_WH = Path("docs/sample/plan.png"), (1240, 880)  # 1.09 megapixels
_HTTP_OK = 200


@dataclass(frozen=True, slots=True)
class Size:
    """A container.

    Attributes:
        memory_mb: MiB.
        cpus: CPUs.
        workers: Python processes; None lets the container decide.
        threads: Of each worker's network; None likewise.
    """

    memory_mb: int
    cpus: int
    workers: int | None = None
    threads: int | None = None

    @property
    def environ(self) -> dict[str, str]:
        """What the container is told."""
        told = {"ROOMDET_WORKERS": self.workers, "ROOMDET_THREADS": self.threads}
        return {name: str(value) for name, value in told.items() if value is not None}


def sizes(cpus: int) -> Iterator[Size]:
    """All that are to be measured on a machine with so many CPUs."""
    for count, shares in SHARES.items():
        if count <= cpus:
            for memory_mb in MEMORY_MB:
                yield from (Size(memory_mb, count, *share) for share in shares)


def measure_size(tree: Tree, size: Size, seconds: float) -> Row:
    """One container under load, or why it refuses to start."""
    row: Row = {
        "memory_mb": size.memory_mb,
        "cpus": size.cpus,
        "workers": size.workers,
        "threads": size.threads,
    }
    plan = Request("plan", plan_png())
    with hosted(tree, memory_mb=size.memory_mb, cpus=size.cpus, environ=size.environ) as server:
        try:
            row["ready_s"] = round(server.wait_ready(size.workers or 1), 1)
        except RuntimeError as err:
            return row | {"refused": _last_message(str(err))}
        with calling(server.url) as caller:
            for _ in range(WARM_UP):
                caller.send(plan)
            row["load"] = [
                measure_load(server, caller, plan, concurrency, seconds)
                for concurrency in CONCURRENCIES
            ]
        return row | memory_row(server)


def measure_load(
    server: Hosted, caller: Caller, request: Request, concurrency: int, seconds: float
) -> Row:
    """One picture again and again from so many clients at once."""
    times_s: list[float] = []
    statuses: Counter[int] = Counter()
    lock = threading.Lock()
    pids = [pid for pids in server.roles().values() for pid in pids]
    end_s = time.monotonic() + seconds

    def send_on(_: int) -> None:
        while (started_s := time.monotonic()) < end_s:
            status = caller.send(request)
            with lock:
                times_s.append(time.monotonic() - started_s)
                statuses[status] += 1

    cpu_s, started_s = _cpu_s(pids), time.monotonic()
    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(send_on, range(concurrency)))
    elapsed_s = time.monotonic() - started_s
    cuts_s = statistics.quantiles(times_s, n=20)
    answered = statuses[_HTTP_OK]
    return {
        "concurrency": concurrency,
        "statuses": dict(statuses),
        "per_s": round(answered / elapsed_s, 1),
        "p50_ms": round(cuts_s[9] * 1000, 1),
        "p95_ms": round(cuts_s[18] * 1000, 1),
        "cpu_ms": round((_cpu_s(pids) - cpu_s) / max(answered, 1) * 1000, 1),
    }


def measure_sheets(tree: Tree, size: Size, sheets: Sequence[Path]) -> list[Row]:
    """Each large sheet on a container of its own: three in turn, then several at once."""
    return [_measure_sheet(tree, size, sheet) for sheet in sheets]


def _measure_sheet(tree: Tree, size: Size, sheet: Path) -> Row:
    request = Request(sheet.name, sheet.read_bytes())
    row: Row = {"memory_mb": size.memory_mb, "cpus": size.cpus, "sheet": sheet.name}
    with hosted(tree, memory_mb=size.memory_mb, cpus=size.cpus) as server:
        server.wait_ready()
        idle = memory_row(server)["processes_mb"]
        with calling(server.url) as caller, ThreadPoolExecutor(SHEETS_AT_ONCE) as pool:
            times_s = []
            for _ in range(3):
                started_s = time.monotonic()
                status = caller.send(request)
                times_s.append(time.monotonic() - started_s)
            row |= {"status": status, "median_ms": round(statistics.median(times_s) * 1000)}
            row["one_by_one"] = memory_row(server)
            together = pool.map(caller.send, [request] * SHEETS_AT_ONCE)
            row["at_once_statuses"] = dict(Counter(together))
        return row | {"idle_mb": idle, "at_once": memory_row(server)}


def memory_row(server: Hosted) -> Row:
    """Peaks until now, of each process and of the container.

    The container's own is that of the kernel and includes pages of files that were first read in
    it; the kernel takes those back where memory is short. What is held cannot be taken back.
    """
    server.wait_ready()  # a worker that was ended for its memory comes back
    roles = server.roles()
    peaks = {role: round(sum(map(peak_mb, pids))) for role, pids in roles.items()}
    return {
        "processes_mb": peaks | {"together": sum(peaks.values())},
        "container_peak_mb": round(server.group.peak_mb()),
        "held_mb": round(server.group.held_mb()),
        "killed": server.group.kills(),
    }


def plan_png() -> bytes:
    """The sample plan as an RGB picture of one megapixel."""
    buffer = io.BytesIO()
    with Image.open(PLAN) as plan:
        plan.convert("RGB").resize(PLAN_WH, Image.Resampling.LANCZOS).save(buffer, "PNG")
    return buffer.getvalue()


def _cpu_s(pids: Sequence[int]) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(time_.user + time_.system for time_ in times)


def _last_message(log: str) -> str:
    last = log.splitlines()[-1]
    try:
        return str(json.loads(last)["message"])
    except (ValueError, KeyError):
        return last.removeprefix("pid1.errors.StartError: ")


def main(argv: list[str] | None = None) -> int:
    """Run the command line; always 0, the figures are the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tiers", description=__doc__)
    parser.add_argument("--tree", type=Path, default=Path(), help="checkout to measure")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each load")
    parser.add_argument("--memory-mb", type=int, nargs="*", default=list(MEMORY_MB))
    parser.add_argument("--cpus", type=int, nargs="*", default=list(SHARES))
    args = parser.parse_args(argv)
    cpus = len(os.sched_getaffinity(0))
    rows = []
    with tempfile.TemporaryDirectory() as name:
        tree = pack(args.tree, Path(name))
        for size in sizes(cpus):
            if size.memory_mb in args.memory_mb and size.cpus in args.cpus:
                rows.append(measure_size(tree, size, args.seconds))
                print(json.dumps(rows[-1]), file=sys.stderr)
        sheets = draw_sheets(Path(name))
        sheet_rows = []
        for memory_mb in set(SHEET_MEMORY_MB) & set(args.memory_mb):
            sheet_rows += measure_sheets(tree, Size(memory_mb, min(2, cpus)), sheets)
            print(json.dumps(sheet_rows[-4:]), file=sys.stderr)
    report = {
        "machine": machine.describe(),
        "cpus_not_measured": [count for count in SHARES if count > cpus],
        "picture_wh": PLAN_WH,
        "tiers": rows,
        "sheets": sheet_rows,
    }
    print(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
