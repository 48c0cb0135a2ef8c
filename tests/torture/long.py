# SPDX-License-Identifier: AGPL-3.0-or-later
"""Does a server's memory grow? Thousands of mixed requests, and a line fitted to what it holds.

``python -m benchmarks.soak --requests 10000`` starts a server with the archive; with ``--url`` and
``--management-url`` it loads one that runs on this machine. Prints JSON; exit status 1 if worker or
JVM grew by more than the limit, if files stay open, or if an answer had a wrong status. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, TypeAlias

import psutil

from benchmarks import jvm, traffic
from benchmarks.caller import CONCURRENCY, calling
from benchmarks.processes import anonymous_mb, jvm_pid, worker_pids
from benchmarks.sheets import draw_sheets
from reporting import machine
from serving.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.caller import Caller
    from benchmarks.traffic import Request

Report: TypeAlias = dict[str, Any]
WARM_UP_SHARE = 0.25  # of the requests; buffers and caches reach their size meanwhile
WINDOWS = 20  # after the warm-up; the least of each counts, since a leak lifts that, too
MAX_GROWTH_MB = 10.0
MAX_NEW_FILES = 10
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Growth:
    """A line through what a process held, over requests.

    Attributes:
        start_mb: At the end of the warm-up.
        end_mb: At the end.
        mb_per_1000: Slope, in MB for 1,000 requests.
        grew_mb: Slope times the requests after the warm-up.
        points: Requests and MB, one point for each window.
    """

    start_mb: float
    end_mb: float
    mb_per_1000: float
    grew_mb: float
    points: list[tuple[int, float]]


@dataclass(slots=True)
class Watch:
    """Looks at the processes while requests are answered.

    Attributes:
        worker: Process id.
        jvm: Process id.
        total: Requests that will be sent.
    """

    worker: int
    jvm: int
    total: int
    answered: int = 0
    worker_looks: list[tuple[int, float]] = field(default_factory=list)
    jvm_looks: list[tuple[int, float]] = field(default_factory=list)

    def run(self, is_over: threading.Event) -> None:
        """Look until told to stop, or the worker ends.

        At the JVM only once in a window, because that runs a collection.
        """
        next_window = self.total * WARM_UP_SHARE
        while not is_over.wait(_LOOK_S) and _lives(self.worker):
            self.worker_looks.append((self.answered, anonymous_mb(self.worker)))
            if self.answered >= next_window:
                next_window += self.total * (1 - WARM_UP_SHARE) / WINDOWS
                held_mb = jvm.lasting_mb(self.jvm)
                self.jvm_looks.append(
                    (self.answered, anonymous_mb(self.jvm) if held_mb is None else held_mb)
                )


def fit(looks: Sequence[tuple[int, float]], total: int) -> Growth:
    """Fit a line to the least of each window after the warm-up.

    Args:
        looks: Requests answered until then, and MB.
        total: Requests of the whole run.
    """
    first = total * WARM_UP_SHARE
    width = (total - first) / WINDOWS
    least: dict[int, tuple[int, float]] = {}
    for answered, held_mb in looks:
        window = int((answered - first) // width)
        if answered >= first and (window not in least or held_mb < least[window][1]):
            least[window] = (answered, held_mb)
    points = sorted(least.values())
    if len(points) < WINDOWS // 2:
        raise ValueError(f"{len(points)} looks are too few; send more requests")
    slope, intercept = _line(points)
    return Growth(
        start_mb=round(intercept + slope * first, 1),
        end_mb=round(intercept + slope * total, 1),
        mb_per_1000=round(slope * 1000, 2),
        grew_mb=round(slope * (total - first), 1),
        points=[(answered, round(held_mb, 1)) for answered, held_mb in points],
    )


def _line(points: Sequence[tuple[int, float]]) -> tuple[float, float]:
    """Slope and intercept by Theil and Sen, whom one step or one odd look does not impress."""
    slope = median((y1 - y0) / (x1 - x0) for (x0, y0), (x1, y1) in combinations(points, 2))
    return slope, median(y - slope * x for x, y in points)


def load(
    url: str, management_url: str, total: int, next_request: Callable[[int], Request]
) -> Report:
    """Send so many requests to a server with one worker and tell what its memory did."""
    (worker,) = worker_pids(management_url)
    watch = Watch(worker, jvm_pid(worker), total)
    kinds, wrong = Counter[str](), Counter[str]()
    lock, is_over = threading.Lock(), threading.Event()

    def send(caller: Caller, number: int) -> None:
        request = next_request(number)
        status = caller.send(request)
        with lock:
            watch.answered += 1
            kinds[request.kind] += 1
            if status != request.status and not request.is_abandoned:
                wrong[f"{request.kind}: {status} instead of {request.status}"] += 1
            if watch.answered % 500 == 0:
                print(f"{watch.answered} of {total}", file=sys.stderr)

    files = {name: _open_files(pid) for name, pid in (("worker", worker), ("jvm", watch.jvm))}
    watcher = threading.Thread(target=watch.run, args=(is_over,))
    watcher.start()
    started_s = time.monotonic()
    try:
        with calling(url) as caller, ThreadPoolExecutor(CONCURRENCY) as pool:
            list(pool.map(partial(send, caller), range(total)))
        seconds = time.monotonic() - started_s
    finally:
        is_over.set()
        watcher.join()
    is_same = worker_pids(management_url) == [worker]
    return {
        "requests": total,
        "concurrency": CONCURRENCY,
        "seconds": round(seconds, 1),
        "is_same_worker": is_same,
        "kinds": dict(sorted(kinds.items())),
        "wrong_answers": dict(wrong),
        "new_files": {
            "worker": _open_files(worker) - files["worker"] if is_same else 0,
            "jvm": _open_files(watch.jvm) - files["jvm"],
        },
        "worker": asdict(fit(watch.worker_looks, total)) if is_same else None,
        "jvm": asdict(fit(watch.jvm_looks, total)) if is_same else None,
    }


def complaints(report: Report, max_growth_mb: float) -> list[str]:
    """What is wrong with a run; empty if nothing is."""
    found = [f"answers: {text} ({count}x)" for text, count in report["wrong_answers"].items()]
    if not report["is_same_worker"]:
        return [*found, "the worker ended and another one was started"]
    for name in ("worker", "jvm"):
        grew_mb = report[name]["grew_mb"]
        if grew_mb > max_growth_mb:
            found.append(f"the {name} grew by {grew_mb} MB; {max_growth_mb} MB are allowed")
        new = report["new_files"][name]
        if new > MAX_NEW_FILES + CONCURRENCY:
            found.append(f"the {name} has {new} more files open than before")
    return found


def _lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def _open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208  # names only, they come and go


@contextmanager
def _server(args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Addresses of the server that was named, or of one of our own."""
    if args.url:
        yield args.url, args.management_url
        return
    with serve(args.archive) as server:
        server.wait_ready()
        yield server.url, server.management_url


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 1 if memory grew too much or an answer was wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--max-growth-mb", type=float, default=MAX_GROWTH_MB)
    parser.add_argument("--archive", type=Path, default=Path("model_store/rooms.mar"))
    parser.add_argument("--url", help="of a server that runs, http://host:port")
    parser.add_argument("--management-url", default="http://127.0.0.1:8081")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, _server(args) as (url, management_url):
        sheets = [(path.name, path.read_bytes()) for path in draw_sheets(Path(folder))]
        report = load(
            url, management_url, args.requests, lambda number: traffic.request(number, sheets)
        )
    report |= {"machine": machine.describe(), "max_growth_mb": args.max_growth_mb}
    report["complaints"] = complaints(report, args.max_growth_mb)
    print(json.dumps(report, indent=1))
    return 1 if report["complaints"] else 0


if __name__ == "__main__":
    sys.exit(main())
