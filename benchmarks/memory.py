# SPDX-License-Identifier: AGPL-3.0-or-later
"""Peak memory of worker and JVM at a full queue of large bodies.

``python -m benchmarks.memory`` prints JSON; sheets are :mod:`benchmarks.tiers`' matter. Linux only.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.processes import jvm_pid, peak_mb
from deploy.local.server import LocalServer, serve
from reporting import machine
from roomdet_client.client import detect

CLIENTS = 12  # about what the queue (10) and the worker (up to 3) take
ROUNDS = 3
BODY_BYTES = 20_900_000  # of the file; 28 MB as base64, just under the handler's limit


def peaks_mb(server: LocalServer) -> dict[str, int]:
    """Peak resident memory of the JVM and of the worker since each started, in MB (10^6 bytes)."""
    (worker,) = server.worker_pids()
    return {"jvm": round(peak_mb(jvm_pid(worker))), "worker": round(peak_mb(worker))}


def measure_full_queue(archive: Path, clients: int) -> dict[str, object]:
    """Send large bodies from so many clients at once, one after the other from each."""
    # No picture, so that the worker answers soon and the queue is what is measured.
    body = json.dumps({"image": base64.b64encode(bytes(BODY_BYTES)).decode()}).encode()
    with serve(archive) as server:
        server.wait_ready()
        statuses: Counter[str] = Counter()
        started_s = time.monotonic()
        with ThreadPoolExecutor(clients) as pool:
            for outcome in pool.map(lambda _: _post(server, body), range(clients * ROUNDS)):
                statuses[outcome] += 1
        return {
            "body_bytes": len(body),
            "clients": clients,
            "requests": clients * ROUNDS,
            "statuses": dict(statuses),
            "seconds": round(time.monotonic() - started_s, 1),
            "peak_mb": peaks_mb(server),
            "still_serving": bool(
                detect(Path("docs/sample/plan.png").read_bytes(), url=server.url).rooms
            ),
        }


def _post(server: LocalServer, body: bytes) -> str:
    request = urllib.request.Request(
        f"{server.url}/invocations", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return str(answer.status)
    except urllib.error.HTTPError as err:
        return str(err.code)
    except OSError as err:
        return type(getattr(err, "reason", err)).__name__


def main(argv: list[str] | None = None) -> int:
    """Run the command line; always 0, the figures are the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--archive", type=Path, default=Path("model_store/rooms.mar"))
    parser.add_argument("--clients", type=int, default=CLIENTS)
    args = parser.parse_args(argv)
    report = {
        "machine": machine.describe(),
        "full_queue": measure_full_queue(args.archive, args.clients),
    }
    print(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
