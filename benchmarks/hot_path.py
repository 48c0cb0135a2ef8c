# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where the time of one request goes, stage by stage, in this process.

``python -m benchmarks.hot_path FILE… > benchmarks/results/hot-path.json`` measures, and with
``--into docs/hot-path.md`` and that JSON as its file it writes the table between
``<!-- figures:hotpath -->`` and ``<!-- /figures -->`` anew.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import sys
import threading
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.in_process import find_rooms
from reporting import machine, marks
from reporting.tables import as_markdown
from roomdet import detector, geometry, images, inspection, item, pictures, request
from roomdet.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomdet.page import Page

NETWORK = Path("weights/rooms")
WARM_UP = 3
STAGES = {
    "receive": "the body, from a socket as TorchServe's",
    "parse": "the row: which bytes are the file, which options came",
    "decode": "the file into pixels; of a PDF, render the page",
    "resize": "pixels to the working size",
    "place": "the page on its canvas",
    "network": "uint8 to boxes, in OpenVINO",
    "suppression": "choose among the boxes",
    "encode": "boxes to JSON",
    "other": "all else: checks, mapping the boxes back, levels of sheets, measuring",
}


class Clock:
    """Time of each stage, without what stages within it took."""

    def __init__(self) -> None:
        self.wall_s: dict[str, float] = defaultdict(float)
        self.cpu_s: dict[str, float] = defaultdict(float)
        self._inner: list[list[float]] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what runs inside; processor time is that of all threads."""
        self._inner.append([0.0, 0.0])
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
            inner_wall_s, inner_cpu_s = self._inner.pop()
            self.wall_s[name] += wall_s - inner_wall_s
            self.cpu_s[name] += cpu_s - inner_cpu_s
            if self._inner:
                self._inner[-1][0] += wall_s
                self._inner[-1][1] += cpu_s

    @contextmanager
    def watch(self, owner: object, name: str, stage: str) -> Iterator[None]:
        """Time every call of a function that others find at ``owner.name``."""
        function: Callable[..., Any] = getattr(owner, name)

        def timed(*args: object, **kwargs: object) -> object:
            with self.stage(stage):
                return function(*args, **kwargs)

        setattr(owner, name, timed)
        try:
            yield
        finally:
            setattr(owner, name, function)


def receive(connection: socket.socket, length: int) -> bytearray:
    """Read a body as TorchServe's worker does (torchserve 0.12, otf_message_handler)."""
    body = bytearray()
    while len(body) < length:
        body += connection.recv(length - len(body))
    return body


def answer(data: bytes, rooms: detector.OpenVinoDetector, config: Config, clock: Clock) -> bytes:
    """Do for one body what the handler does, from the socket on."""
    here, there = socket.socketpair()
    sender = threading.Thread(target=there.sendall, args=(data,))
    sender.start()
    with here, there, clock.stage("receive"):
        body = receive(here, len(data))
    sender.join()
    with clock.stage("other"):
        row = item.BatchItem("hot-path", len(body))
        with clock.stage("parse"):
            asked = request.parse_request({"body": body}, {}, config.limits)
        assert isinstance(asked.file, bytes)
        row.options = asked.options
        row.read_at = partial(_read_page, asked.file, config, clock)
        find_rooms(row, rooms, config)
        with clock.stage("encode"):
            encoded, _ = row.encode()
    return encoded


def _read_page(file: bytes, config: Config, clock: Clock, side_px: int) -> Page:
    with clock.stage("decode"):
        return images.read_page(file, page=1, side_px=side_px, limits=config.limits)


def measure(paths: list[Path], rounds: int) -> dict[str, Any]:
    """Answer each file once a round; medians in milliseconds by file and stage."""
    config = Config()
    rooms = detector.load_detector(NETWORK, config)
    clocks: dict[Path, list[Clock]] = {path: [] for path in paths}
    for number in range(WARM_UP + rounds):
        for path, done in clocks.items():
            clock = Clock()
            with ExitStack() as watched:
                for owner, name, stage in (
                    (pictures, "_at_size", "resize"),
                    (images.LargePage, "at", "resize"),
                    (detector, "vote", "suppression"),
                    (geometry.Letterbox, "place", "place"),
                    (rooms, "_network", "network"),
                    (detector, "parse_output", "suppression"),
                    (detector, "non_maximum_suppression", "suppression"),
                    (inspection, "merge", "suppression"),
                ):
                    watched.enter_context(clock.watch(owner, name, stage))
                answer(path.read_bytes(), rooms, config, clock)
            if number >= WARM_UP:
                done.append(clock)
    return {path.name: _medians(done) for path, done in clocks.items()}


def _medians(clocks: list[Clock]) -> dict[str, Any]:
    def middle_ms(values: list[float]) -> float:
        return round(statistics.median(values) * 1000, 3)

    return {
        "total_ms": middle_ms([sum(clock.wall_s.values()) for clock in clocks]),
        "total_cpu_ms": middle_ms([sum(clock.cpu_s.values()) for clock in clocks]),
        "stages": {
            stage: {
                "ms": middle_ms([clock.wall_s[stage] for clock in clocks]),
                "cpu_ms": middle_ms([clock.cpu_s[stage] for clock in clocks]),
            }
            for stage in STAGES
        },
    }


def as_table(report: dict[str, Any]) -> str:
    """A row for each stage, a column for each file: milliseconds and those of the processor."""
    files: dict[str, Any] = report["files"]
    rows = [["stage", *files]]
    for stage in STAGES:
        taken = [measured["stages"][stage] for measured in files.values()]
        rows.append([stage, *(f"{one['ms']:.1f} / {one['cpu_ms']:.1f}" for one in taken)])
    total = [f"{one['total_ms']:.1f} / {one['total_cpu_ms']:.1f}" for one in files.values()]
    where = report["machine"]
    return (
        f"Milliseconds / of processor time, medians of {report['rounds']} rounds; {where['cores']} "
        f"cores of {where['cpu']}, {where['date']}.\n\n{as_markdown([*rows, ['all', *total]])}"
    )


def main(argv: list[str] | None = None) -> int:
    """Run the command line; always 0, the figures are the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hot_path", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", help="pictures and documents; or the JSON")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--into", type=Path, metavar="DOCUMENT")
    args = parser.parse_args(argv)
    if args.into:
        table = as_table(json.loads(args.files[0].read_text("utf-8")))
        text = marks.fill(args.into.read_text("utf-8"), {"hotpath": lambda: table})
        args.into.write_text(text, "utf-8")
        return 0
    files = measure(args.files, args.rounds)
    report = {"machine": machine.describe(), "rounds": args.rounds, "files": files}
    print(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
