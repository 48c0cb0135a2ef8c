# SPDX-License-Identifier: AGPL-3.0-or-later
"""What each way to save memory brings: one server after the other, with one thing changed.

``python -m benchmarks.savings build/sheets/a1.png`` prints JSON. Each variant is run as in a
container (:mod:`benchmarks.hosted`), idle, after mixed requests of five clients, and after a sheet.
Linux only, as root.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import traffic
from benchmarks.caller import CONCURRENCY, calling
from benchmarks.hosted import Hosted, Tree, hosted, pack
from benchmarks.processes import memory, peak_mb
from reporting import machine

MEMORY_MB, CPUS = 2048, 2.0
REQUESTS = 300
SHEETS = 2


@dataclass(frozen=True, slots=True)
class Variant:
    """What is changed: flags of the JVM, and variables of the JVM and the worker."""

    vmargs: tuple[str, ...] = ()
    environ: dict[str, str] = field(default_factory=dict)


NETTY = "-Dio.netty.allocator"
GRPC = "-Dio.grpc.netty.shaded.io.netty.allocator"
VARIANTS = {
    "as shipped": Variant(),
    "Netty chunks of 1 MiB": Variant((f"{NETTY}.maxOrder=7",)),
    "Netty chunks of 1 MiB, gRPC's too": Variant((f"{NETTY}.maxOrder=7", f"{GRPC}.maxOrder=7")),
    "one Netty arena of each kind": Variant(
        (f"{NETTY}.numHeapArenas=1", f"{NETTY}.numDirectArenas=1")
    ),
    "Netty without pools": Variant((f"{NETTY}.type=unpooled",)),
    # -Xmn is taken out of config.properties by docker/pid1/configuration.py.
    "young generation of 16 MiB": Variant(("-XX:NewSize=16m", "-XX:MaxNewSize=16m")),
    "Netty chunks of 1 MiB, young generation of 16 MiB": Variant(
        (f"{NETTY}.maxOrder=7", "-XX:NewSize=16m", "-XX:MaxNewSize=16m")
    ),
    "Netty chunks of 1 MiB, young generation of 8 MiB": Variant(
        (f"{NETTY}.maxOrder=7", "-XX:NewSize=8m", "-XX:MaxNewSize=8m")
    ),
    "Netty chunks of 1 MiB, young generation of 16 MiB, heap shrinks early": Variant(
        (
            f"{NETTY}.maxOrder=7",
            "-XX:NewSize=16m",
            "-XX:MaxNewSize=16m",
            "-XX:MinHeapFreeRatio=10",
            "-XX:MaxHeapFreeRatio=20",
        )
    ),
    "threads' stacks of 256 KiB": Variant(("-Xss256k",)),
    "code cache of 16 MiB": Variant(("-XX:ReservedCodeCacheSize=16m",)),
    "class space of 16 MiB": Variant(("-XX:CompressedClassSpaceSize=16m",)),
    "two malloc arenas": Variant(environ={"MALLOC_ARENA_MAX": "2"}),
    "malloc gives back over 128 KiB": Variant(environ={"MALLOC_TRIM_THRESHOLD_": "131072"}),
    "malloc maps from 1 MiB, gives back over 4 MiB": Variant(
        environ={"MALLOC_MMAP_THRESHOLD_": "1048576", "MALLOC_TRIM_THRESHOLD_": "4194304"}
    ),
}


def measure(tree: Tree, variant: Variant, sheet: bytes) -> dict[str, object]:
    """Resident memory of one variant: idle, after mixed requests, and after a sheet."""
    with hosted(
        tree, memory_mb=MEMORY_MB, cpus=CPUS, environ=variant.environ, vmargs=variant.vmargs
    ) as server:
        server.wait_ready()
        idle = _resident_mb(server)
        with calling(server.url) as caller, ThreadPoolExecutor(CONCURRENCY) as pool:
            statuses = list(pool.map(lambda n: caller.send(traffic.request(n)), range(REQUESTS)))
            plans = _resident_mb(server)
            for _ in range(SHEETS):
                statuses.append(caller.send(traffic.Request("sheet", sheet)))
        (worker,), (jvm,) = server.roles()["worker"], server.roles()["jvm"]
        return {
            "idle_mb": idle,
            "after_requests_mb": plans,
            "after_sheet_mb": _resident_mb(server),
            "peak_mb": {"worker": round(peak_mb(worker)), "jvm": round(peak_mb(jvm))},
            "server_errors": sum(status >= 500 for status in statuses),  # noqa: PLR2004  # HTTP's
        }


def _resident_mb(server: Hosted) -> dict[str, int]:
    return {
        role: round(sum(memory(pid).rss for pid in pids)) for role, pids in server.roles().items()
    }


def main(argv: list[str] | None = None) -> int:
    """Run the command line; always 0, the figures are the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.savings", description=__doc__)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--tree", type=Path, default=Path(), help="checkout to measure")
    parser.add_argument("--only", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    args = parser.parse_args(argv)
    sheet = args.sheet.read_bytes()
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        tree = pack(args.tree, Path(folder))
        for name in args.only:
            rows[name] = measure(tree, VARIANTS[name], sheet)
            print(name, json.dumps(rows[name]), file=sys.stderr)
    report = {"machine": machine.describe(), "requests": REQUESTS, "variants": rows}
    print(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
