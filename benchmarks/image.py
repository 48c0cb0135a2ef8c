# SPDX-License-Identifier: AGPL-3.0-or-later
"""The image under SageMaker's conditions: start, memory, load, a stop and a killed worker.

``python -m benchmarks.image SHEET…`` builds, pushes and pulls the image as tests/image does (as
root, with podman or Docker) and prints JSON. Linux only.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reporting import machine
from tests.image.container import WORKER, Container
from tests.image.lab import Lab, open_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    Run = Callable[[int], AbstractContextManager[Container]]

MEMORY_MB = (1024, 2048, 3072)
KILLS = 3
PLAN = Path("docs/sample/plan.png")
STARTS = 3  # at each size of memory
CLIENTS = (12, 16)
# Of files just under the limit at each size of memory (docker/pid1/budget.py).
LARGE_BYTES = {1024: 6_200_000, 2048: 20_900_000}
_LOOK_S = 0.05


def measure_memory(container: Container, sheets: list[Path]) -> dict[str, object]:
    """Peaks when it is ready, then after each sheet."""
    container.wait_ready()
    report: dict[str, object] = {"idle_mb": container.peak_mb()}
    for sheet in sheets:
        data = sheet.read_bytes()
        replies = [container.invoke(data) for _ in range(3)]
        report[sheet.name] = {
            "statuses": [reply.status for reply in replies],
            "peak_mb": container.peak_mb(),
        }
    return report


def measure_large_bodies(container: Container, file_bytes: int, clients: int) -> dict[str, object]:
    """Two bodies of each client, all clients at once, after the container has served a plan."""
    container.wait_ready()
    container.invoke(PLAN.read_bytes())
    # No picture, so that the worker answers soon and the queue is what is measured.
    body = json.dumps({"image": base64.b64encode(bytes(file_bytes)).decode()}).encode()
    with ThreadPoolExecutor(clients) as pool:
        replies = pool.map(
            lambda _: container.invoke(body, Content_Type="application/json"), range(2 * clients)
        )
        statuses = Counter(reply.status for reply in replies)
    return {
        "clients": clients,
        "body_bytes": len(body),
        "statuses": dict(statuses),
        "peak_mb": container.peak_mb(),
    }


def measure_stop(container: Container, sheet: Path) -> dict[str, object]:
    """SIGTERM with five sheets in flight and five plans that arrive afterwards."""
    container.wait_ready()
    data, plan = sheet.read_bytes(), PLAN.read_bytes()
    container.invoke(plan)
    with ThreadPoolExecutor(10) as pool:
        futures = [pool.submit(container.invoke, data) for _ in range(5)]
        time.sleep(0.1)
        container.signal("TERM")
        started_s = time.monotonic()
        for _ in range(5):
            futures.append(pool.submit(container.invoke, plan))
            time.sleep(_LOOK_S)
        statuses = Counter(future.result().status for future in futures)
    exit_status = container.wait_end()
    return {
        "statuses": dict(statuses),
        "exit_status": exit_status,
        "seconds": round(time.monotonic() - started_s, 1),
        "log": [line for line in container.logs() if line.get("logger") == "serve"][-3:],
    }


def measure_killed_worker(container: Container) -> dict[str, object]:
    """SIGKILL to the worker while three clients send one plan after the other."""
    container.wait_ready()
    plan = PLAN.read_bytes()
    statuses: Counter[int] = Counter()
    is_over = threading.Event()

    def load() -> None:
        while not is_over.is_set():
            statuses[container.invoke(plan).status] += 1

    clients = [threading.Thread(target=load) for _ in range(3)]
    for client in clients:
        client.start()
    time.sleep(2.0)
    before = dict(statuses)
    container.kill(WORKER)
    killed_s = time.monotonic()
    while container.ask("/ping", timeout_s=2).status == 200:  # noqa: PLR2004  # HTTP's number
        time.sleep(_LOOK_S)
    noticed_s = time.monotonic() - killed_s
    while container.ask("/ping", timeout_s=2).status != 200:  # noqa: PLR2004  # HTTP's number
        time.sleep(_LOOK_S)
    healthy_s = time.monotonic() - killed_s
    is_over.set()
    for client in clients:
        client.join()
    return {
        "statuses_before": before,
        "statuses": dict(statuses),
        "unhealthy_after_s": round(noticed_s, 2),
        "healthy_after_s": round(healthy_s, 1),
    }


def measure(archive: Path, sheets: list[Path]) -> dict[str, object]:
    """Build, push and pull the image, then measure everything."""
    with tempfile.TemporaryDirectory() as folder, open_lab() as lab:
        model = Path(folder)
        model.chmod(0o755)
        shutil.copy(archive, model / "rooms.mar")
        run = partial(_run, lab, lab.ship("rooms"), model)
        report: dict[str, object] = {"machine": machine.describe(), "seconds": lab.seconds}
        for memory_mb in MEMORY_MB:
            report[f"{memory_mb} MB"] = measure_size(run, memory_mb, sheets)
        large = []
        for memory_mb, file_bytes in LARGE_BYTES.items():
            for clients in CLIENTS:
                with run(memory_mb) as container:
                    loaded = measure_large_bodies(container, file_bytes, clients)
                large.append({"memory_mb": memory_mb, **loaded})
        report["large bodies"] = large
        with run(2048) as container:
            report["killed worker"] = [measure_killed_worker(container) for _ in range(KILLS)]
            report["stop"] = measure_stop(container, sheets[-1])
    return report


def measure_size(run: Run, memory_mb: int, sheets: list[Path]) -> dict[str, object]:
    """Seconds from several starts to a 200 of /ping, and the memory of the last one."""
    starts = []
    for _ in range(STARTS - 1):
        with run(memory_mb) as container:
            starts.append(round(container.wait_ready(), 1))
    with run(memory_mb) as container:
        starts.append(round(container.wait_ready(), 1))
        return {"ready_s": sorted(starts), **measure_memory(container, sheets)}


def main(argv: list[str] | None = None) -> int:
    """Run the command line; always 0, the figures are the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.image", description=__doc__)
    parser.add_argument("sheets", nargs="+", type=Path)
    parser.add_argument("--archive", type=Path, default=Path("model_store/rooms.mar"))
    args = parser.parse_args(argv)
    report = measure(args.archive, args.sheets)
    print(json.dumps(report, indent=1))
    return 0


def _run(lab: Lab, image: str, model: Path, memory_mb: int) -> AbstractContextManager[Container]:
    flags = ["--volume", f"{model}:/opt/ml/model:ro"]
    return lab.container(image, "serve", memory_mb=memory_mb, flags=flags)


if __name__ == "__main__":
    sys.exit(main())
