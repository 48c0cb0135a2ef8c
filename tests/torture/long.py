# SPDX-License-Identifier: AGPL-3.0-or-later
"""Does a server grow or slow down? A day's mixed requests, and a line fitted to what it holds.

``python -m tests.torture.long [--minutes 30] [--short]`` starts a server and sends it as many
requests of all kinds (benchmarks/traffic.py) as it takes. Memory of worker, JVM and the processes
that read pages, their descriptors and threads, files in /tmp, the processor's time of a request and
its latency each get a slope with its standard error. Exit status 1 where one grew by more than its
bound and by more than twice its error, or an answer had a wrong status. ``--loaded``: the machine
does other things, so latency is not judged. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import combinations, count
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, TypeAlias

import psutil

from benchmarks import jvm, traffic
from benchmarks.caller import CONCURRENCY, calling
from benchmarks.processes import anonymous_mb, jvm_pid, worker_pids
from benchmarks.sheets import draw_sheets
from reporting import machine
from reporting.processes import processor_s
from serving.server import serve
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from benchmarks.caller import Caller
    from benchmarks.traffic import Request

Report: TypeAlias = dict[str, Any]
Points: TypeAlias = list[tuple[int, float]]
WARM_UP_SHARE = 0.25  # of the requests; buffers and caches reach their size meanwhile
WINDOWS = 20  # after the warm-up
_WINDOW_SHARE = (1 - WARM_UP_SHARE) / WINDOWS
WORKER_MB, JVM_MB, PAGES_MB = "worker, MB", "JVM, MB", "pages' processes, MB"
LATENCY_S, PROCESSOR_S = "latency, s", "processor of a request, s"
# What each may grow by in the whole run. A client's connection has two descriptors.
BOUNDS = {
    WORKER_MB: 10.0,
    JVM_MB: 10.0,
    PAGES_MB: 10.0,
    "worker, descriptors": 10.0 + CONCURRENCY,
    "JVM, descriptors": 10.0 + 2 * CONCURRENCY,
    "worker, threads": 3.0,
    "JVM, threads": 3.0,
    "processes": 2.0,
    "files in /tmp": 3.0,
}
# Likewise, as shares of what it was after the warm-up.
SHARES = {LATENCY_S: 0.25, PROCESSOR_S: 0.25}
SIGNIFICANT = 2.0  # standard errors
LONG_MIN, SHORT_MIN = 30.0, 2.0
_DAY_S = 86_400
_LOOK_S, _SELDOM = 0.05, 4  # of four looks one is at more than the worker's memory
_READER = "roomdet: reads pages"


@dataclass(frozen=True, slots=True)
class Slope:
    """A line through what was seen, over requests.

    Attributes:
        start: At the end of the warm-up.
        end: At the end.
        per_1000: Slope, for 1,000 requests.
        grew: Slope times the requests after the warm-up.
        error: Standard error of that.
        points: Requests and what was seen, one point for each window.
    """

    start: float
    end: float
    per_1000: float
    grew: float
    error: float
    points: Points


def fit(looks: Sequence[tuple[int, float]], total: int) -> Slope:
    """Fit a line to the least of each window after the warm-up, since a leak lifts that, too.

    Args:
        looks: Requests answered until then, and what was seen.
        total: Requests of the whole run.
    """
    first = total * WARM_UP_SHARE
    width = (total - first) / WINDOWS
    least: dict[int, tuple[int, float]] = {}
    for answered, seen in looks:
        window = int((answered - first) // width)
        if answered >= first and (window not in least or seen < least[window][1]):
            least[window] = (answered, seen)
    points = sorted(least.values())
    if len(points) < WINDOWS // 2:
        raise ValueError(f"{len(points)} looks are too few; send more requests")
    slope, intercept = _line(points)
    grows = total - first
    return Slope(
        start=round(intercept + slope * first, 4),
        end=round(intercept + slope * total, 4),
        per_1000=round(slope * 1000, 4),
        grew=round(slope * grows, 4),
        error=round(_slope_error(points, slope, intercept) * grows, 4),
        points=[(answered, round(seen, 4)) for answered, seen in points],
    )


def _line(points: Sequence[tuple[int, float]]) -> tuple[float, float]:
    """Slope and intercept by Theil and Sen, whom one step or one odd look does not impress."""
    slope = median((y1 - y0) / (x1 - x0) for (x0, y0), (x1, y1) in combinations(points, 2))
    return slope, median(y - slope * x for x, y in points)


def _slope_error(points: Sequence[tuple[int, float]], slope: float, intercept: float) -> float:
    """Standard error of a slope, by how far the points lie from the line."""
    middle = sum(x for x, _ in points) / len(points)
    off = sum((y - intercept - slope * x) ** 2 for x, y in points)
    spread = sum((x - middle) ** 2 for x, _ in points)
    return float((off / (len(points) - 2) / spread) ** 0.5)


@dataclass(slots=True)
class Watch:
    """Looks at the processes while requests are answered.

    Attributes:
        worker: Process id.
        jvm: Process id.
        progress: From 0 to 1.
        answered: Requests so far.
        looks: What was seen of each quantity, after how many requests.
        latencies_s: Of the requests since the last window began.
        kinds: How many requests of each there were.
        wrong: Likewise, those whose answer had another status than it must have.
    """

    worker: int
    jvm: int
    progress: Callable[[], float]
    answered: int = 0
    looks: dict[str, Points] = field(default_factory=lambda: defaultdict(list))
    latencies_s: list[float] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, request: Request, status: int, seconds: float) -> None:
        """Count an answer."""
        with self._lock:
            self.answered += 1
            self.kinds[request.kind] += 1
            if status == 200 and not request.kind.startswith("sheet"):
                self.latencies_s.append(seconds)
            if status != request.status and not request.is_abandoned:
                self.wrong[f"{request.kind}: {status} instead of {request.status}"] += 1
            if self.answered % 500 == 0:
                print(f"{self.answered} requests", file=sys.stderr)

    def run(self, is_over: threading.Event) -> None:
        """Look until told to stop, or the worker ends."""
        next_window, began = WARM_UP_SHARE, (self.answered, processor_s(self.jvm))
        for look in count():
            if is_over.wait(_LOOK_S) or not _lives(self.worker):
                return
            self.looks[WORKER_MB].append((self.answered, anonymous_mb(self.worker)))
            if look % _SELDOM == 0:
                with suppress(OSError, psutil.Error, RuntimeError):  # one that reads pages ended
                    for name, seen in self._held():
                        self.looks[name].append((self.answered, seen))
            if self.progress() >= next_window:
                next_window += _WINDOW_SHARE
                began = self._end_window(*began)

    def run_jvm(self, is_over: threading.Event) -> None:
        """Look at the JVM's memory once in a window, because that runs a collection."""
        next_window = WARM_UP_SHARE
        while not is_over.wait(_LOOK_S) and _lives(self.worker):
            if self.progress() >= next_window:
                next_window += _WINDOW_SHARE
                now, held_mb = self.answered, jvm.lasting_mb(self.jvm)
                seen_mb = anonymous_mb(self.jvm) if held_mb is None else held_mb
                self.looks[JVM_MB].append((now, seen_mb))

    def _held(self) -> Iterator[tuple[str, float]]:
        processes = psutil.Process(self.jvm).children(recursive=True)
        yield "processes", len(processes)
        for name, pid in (("worker", self.worker), ("JVM", self.jvm)):
            yield f"{name}, descriptors", len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
            yield f"{name}, threads", len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208
        yield "files in /tmp", sum(1 for _ in _folder(self.jvm).rglob("*"))
        # Last: where one of them ends meanwhile, the others were seen.
        pages = [each.pid for each in processes if each.cmdline()[:1] == [_READER]]
        yield PAGES_MB, sum(map(anonymous_mb, pages))

    def _end_window(self, answered: int, worked_s: float) -> tuple[int, float]:
        """What is seen of a window as a whole."""
        now, now_s = self.answered, processor_s(self.jvm)
        if now > answered and self.latencies_s:
            taken_s, self.latencies_s = self.latencies_s, []
            self.looks[LATENCY_S].append((now, median(taken_s)))
            self.looks[PROCESSOR_S].append((now, (now_s - worked_s) / (now - answered)))
        return now, now_s


def load(
    url: str,
    management_url: str,
    next_request: Callable[[int], Request],
    *,
    total: int | None = None,
    minutes: float = LONG_MIN,
) -> Report:
    """Send so many requests, or for so long, to a server with one worker; tell what it held."""
    (worker,) = worker_pids(management_url)
    started_s = time.monotonic()

    def progress() -> float:
        minutes_gone = (time.monotonic() - started_s) / 60
        return watch.answered / total if total else minutes_gone / minutes

    watch, numbers = Watch(worker, jvm_pid(worker), progress), count()

    def send(caller: Caller, _: int) -> None:
        while progress() < 1:
            number = next(numbers)
            if total and number >= total:
                return
            request = next_request(number)
            sent_s = time.monotonic()
            status = caller.send(request)
            watch.note(request, status, time.monotonic() - sent_s)

    is_over = threading.Event()
    watchers = [
        threading.Thread(target=look, args=(is_over,)) for look in (watch.run, watch.run_jvm)
    ]
    for watcher in watchers:
        watcher.start()
    try:
        with calling(url) as caller, ThreadPoolExecutor(CONCURRENCY) as pool:
            list(pool.map(partial(send, caller), range(CONCURRENCY)))
        seconds = time.monotonic() - started_s
    finally:
        is_over.set()
        for watcher in watchers:
            watcher.join()
    is_same = worker_pids(management_url) == [worker]
    looks = watch.looks if is_same else {}
    return {
        "requests": watch.answered,
        "concurrency": CONCURRENCY,
        "seconds": round(seconds, 1),
        "is_same_worker": is_same,
        "kinds": dict(sorted(watch.kinds.items())),
        "wrong_answers": dict(watch.wrong),
        "slopes": {name: asdict(fit(seen, watch.answered)) for name, seen in looks.items()},
    }


def complaints(
    report: Report, bounds: Mapping[str, float], *, is_loaded: bool = False
) -> list[str]:
    """What is wrong with a run; empty if nothing is."""
    found = [f"answers: {text} ({count}x)" for text, count in report["wrong_answers"].items()]
    if not report["is_same_worker"]:
        return [*found, "the worker ended and another one was started"]
    for name, slope in report["slopes"].items():
        bound = bounds.get(name) or SHARES[name] * slope["start"]
        is_judged = name != LATENCY_S or not is_loaded
        if is_judged and slope["grew"] > max(bound, SIGNIFICANT * slope["error"]):
            found.append(
                f"{name}: grew by {slope['grew']:.3g} ± {slope['error']:.2g}; "
                f"{bound:.3g} are allowed"
            )
    return found


def table(report: Report) -> str:
    """Each quantity, its slope and the error of that."""
    lines = ["| of | after the warm-up | at the end | grew by | for 1,000 requests |"]
    lines += ["|---|---|---|---|---|"]
    for name, slope in report["slopes"].items():
        lines.append(
            f"| {name} | {slope['start']:.4g} | {slope['end']:.4g} | {slope['grew']:+.3g} ± "
            f"{slope['error']:.2g} | {slope['per_1000']:+.3g} |"
        )
    return "\n".join(lines)


def _lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def _folder(pid: int) -> Path:
    """Where a process puts temporary files."""
    return Path(psutil.Process(pid).environ()["TMPDIR"])


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 1 if something grew too much or an answer was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.long", description=__doc__)
    add = parser.add_argument
    add("--minutes", type=float, default=LONG_MIN, help=f"({LONG_MIN:.0f})")
    add("--requests", type=int, help="so many instead")
    add("--short", action="store_true", help=f"{SHORT_MIN:.0f} minutes")
    add("--loaded", action="store_true")
    add("--archive", type=Path, default=ROOT / "model_store" / "rooms.mar")
    add("--json", type=Path, help="where the figures go, such as benchmarks/results/soak.json")
    args = parser.parse_args(argv)
    minutes = SHORT_MIN if args.short else args.minutes
    with tempfile.TemporaryDirectory() as folder, serve(args.archive) as server:
        sheets = [(path.name, path.read_bytes()) for path in draw_sheets(Path(folder))]
        server.wait_ready()
        report = load(
            server.url,
            server.management_url,
            partial(traffic.request, sheets=sheets),
            total=args.requests,
            minutes=minutes,
        )
    report |= {"machine": machine.describe()}
    found = report["complaints"] = complaints(report, BOUNDS, is_loaded=args.loaded)
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(table(report))
    for complaint in found:
        print(f"FOUND: {complaint}", file=sys.stderr)
    total, kinds = report["requests"], len(report["kinds"])
    print(f"long run | {kinds} kinds; a day with a request each {_DAY_S / total:.0f} s | "
          f"{total:,} requests, {report['seconds'] / 60:.0f} min | {len(found)} found")  # fmt: skip
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
