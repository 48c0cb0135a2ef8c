# SPDX-License-Identifier: AGPL-3.0-or-later
"""Time of the detector alone (letterbox, network, suppression), in interleaved rounds.

``python -m benchmarks.network weights/rooms:fp32 weights/rooms:bf16 build/int8:bf16`` runs each
network, with the arithmetic named after it, on its golden plan. Processor time is told beside the
clock's: on a machine that others use, ``--threads 1`` and processor time still compare networks.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from reporting import machine
from roomdet import network
from roomdet.config import Config, Limits, Precision
from roomdet.detector import load_detector
from roomdet.images import read_page
from roomdet.schema import RequestOptions

if TYPE_CHECKING:
    from collections.abc import Callable


def prepare(folder: Path, precision: Precision, threads: int) -> Callable[[], tuple[float, float]]:
    """Load a network; what is returned runs it once and tells clock and processor milliseconds."""
    detector = load_detector(folder, Config(precision=precision, threads=threads))
    plan = (folder / network.GOLDEN_PLAN).read_bytes()
    page = read_page(plan, page=1, side_px=detector.input_px, limits=Limits()).pixels

    def run_ms() -> tuple[float, float]:
        clock_s, processor_s = time.perf_counter(), time.process_time()
        detector.detect(page, RequestOptions())
        return (time.perf_counter() - clock_s) * 1000, (time.process_time() - processor_s) * 1000

    return run_ms


def measure(
    runs: dict[str, Callable[[], tuple[float, float]]], rounds: int, per_round: int
) -> dict[str, object]:
    """Let the networks take turns, after one round for warming up.

    Returns:
        By network: count, and medians in milliseconds.
    """
    times_ms: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run_ms in runs.items():
            values = [run_ms() for _ in range(per_round)]
            times_ms[name] += values if number else []
    report: dict[str, object] = {}
    for name, pairs in times_ms.items():
        clock_ms, processor_ms = (statistics.median(column) for column in zip(*pairs, strict=True))
        report[name] = {
            "runs": len(pairs),
            "clock_p50_ms": round(clock_ms, 1),
            "processor_p50_ms": round(processor_ms, 1),
        }
    return report


def main(argv: list[str] | None = None) -> int:
    """Run the command line; always 0, the figures are the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.network", description=__doc__)
    parser.add_argument("networks", nargs="+", help="folder:fp32 or folder:bf16")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--per-round", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0, help="0 lets OpenVINO choose")
    args = parser.parse_args(argv)
    runs = {}
    for text in args.networks:
        folder, _, precision = text.rpartition(":")
        runs[text] = prepare(Path(folder), Precision(precision), args.threads)
    report = {
        "machine": machine.describe(),
        "threads": args.threads,
        "networks": measure(runs, args.rounds, args.per_round),
    }
    print(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
