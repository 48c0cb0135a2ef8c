# SPDX-License-Identifier: AGPL-3.0-or-later
"""Find the number of PyTorch threads with which ultralytics' ``predict`` is fastest here.

``python -m benchmarks.peers.threads weights/rooms.pt docs/sample/plan.png`` prints JSON: p50 in
milliseconds by number of threads, from interleaved rounds. Ultralytics' own choice is one thread
less than there are cores, PyTorch's one per core; neither is always the better.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from pathlib import Path

import torch

from benchmarks.peers import ultralytics_predict

ROUNDS = 4
ROUND_S = 0.6


def measure(checkpoint: str, data: bytes) -> dict[int, float]:
    """Latency of decoding and ``predict`` in this process, p50 in milliseconds."""
    model = ultralytics_predict.load(checkpoint, threads=1)
    times_ms: dict[int, list[float]] = {n: [] for n in range(1, (os.cpu_count() or 1) + 1)}
    for _ in range(ROUNDS):
        for threads, values in times_ms.items():
            torch.set_num_threads(threads)
            ultralytics_predict.answer(model, data)
            until_s = time.monotonic() + ROUND_S
            while time.monotonic() < until_s:
                started_s = time.perf_counter()
                ultralytics_predict.answer(model, data)
                values.append((time.perf_counter() - started_s) * 1000)
    return {threads: round(statistics.median(values), 1) for threads, values in times_ms.items()}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]).read_bytes())))
