# SPDX-License-Identifier: AGPL-3.0-or-later
"""A process that works when its turn comes: the peers that have no server.

It reads one JSON object a line from standard input,
``{"picture": path, "seconds": s, "least": n, "warm": true, …}`` as of
:class:`benchmarks.bench.services.Load`, works on that picture for so long, at least so often, and
answers with one line: ``{"ms": […], "elapsed_s": s, "refused": 0, "rooms": n}``; work that returns
no JSON has no rooms. Between turns it waits and uses no processor.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    # A file's bytes and the turn to what is timed.
    Prepare = Callable[[bytes, dict[str, Any]], Callable[[], object]]


def take_turns(prepare: Prepare) -> None:
    """Work until standard input ends; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        turn = json.loads(line)
        work = prepare(Path(turn["picture"]).read_bytes(), turn)
        if turn["warm"]:
            work()  # as the load generator does with servers
        print(json.dumps(_time(work, turn["seconds"], turn["least"])), file=answers, flush=True)


def _time(work: Callable[[], object], seconds: float, least: int) -> dict[str, object]:
    times_ms: list[float] = []
    result: object = None
    began_s = last_s = time.perf_counter()
    while last_s - began_s < seconds or len(times_ms) < least:
        result = work()
        now_s = time.perf_counter()
        times_ms.append((now_s - last_s) * 1000)
        last_s = now_s
    rooms = len(json.loads(result)["detected_rooms"]) if isinstance(result, bytes) else None
    return {"ms": times_ms, "elapsed_s": last_s - began_s, "refused": 0, "rooms": rooms}
