# SPDX-License-Identifier: AGPL-3.0-or-later
"""Latency of one picture at running servers, one request at a time, in interleaved rounds.

``python -m benchmarks.latency PLAN.png ours=http://127.0.0.1:8080 peer=http://127.0.0.1:8000``
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image

from benchmarks import machine

WARM_UP = 20
HEADERS = {"Content-Type": "application/octet-stream"}


def request_ms(connection: http.client.HTTPConnection, data: bytes) -> float:
    """Time from the first byte sent to the last byte read, on an open connection."""
    started_s = time.perf_counter()
    connection.request("POST", "/invocations", data, HEADERS)
    answer = connection.getresponse()
    body = answer.read()
    elapsed_s = time.perf_counter() - started_s
    if answer.status != http.client.OK:
        raise RuntimeError(f"status {answer.status}: {body[:200]!r}")
    return elapsed_s * 1000


def measure(data: bytes, servers: dict[str, str], rounds: int, per_round: int) -> dict[str, object]:
    """Send the picture to each server in turn, round after round.

    Returns:
        By server: count, p50, p95 and p99 in milliseconds, and the p50 relative to the first.
    """
    connections = {
        name: http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        for name, url in servers.items()
    }
    times_ms: dict[str, list[float]] = {name: [] for name in servers}
    for connection in connections.values():
        for _ in range(WARM_UP):
            request_ms(connection, data)
    for _ in range(rounds):
        for name, connection in connections.items():
            times_ms[name] += [request_ms(connection, data) for _ in range(per_round)]
    first = statistics.median(next(iter(times_ms.values())))
    return {
        name: {
            "requests": len(values),
            **_percentiles_ms(values),
            "p50_relative": round(statistics.median(values) / first, 2),
        }
        for name, values in times_ms.items()
    }


def _percentiles_ms(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100)
    return {f"p{cut}_ms": round(cuts[cut - 1], 1) for cut in (50, 95, 99)}


def main(argv: list[str] | None = None) -> int:
    """Run the command line; always 0, the figures are the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("servers", nargs="+", help="name=http://host:port")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--per-round", type=int, default=20)
    args = parser.parse_args(argv)
    servers = dict(server.split("=", 1) for server in args.servers)
    with Image.open(args.picture) as picture:
        size_wh = picture.size
    report = {
        "machine": machine.describe(),
        "picture": {"name": args.picture.name, "size_wh": size_wh},
        "servers": measure(args.picture.read_bytes(), servers, args.rounds, args.per_round),
    }
    print(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
