# SPDX-License-Identifier: AGPL-3.0-or-later
"""The image under SageMaker's conditions: start, memory, a stop and a killed worker, measured.

``python -m benchmarks.image SHEET…`` builds, pushes and pulls the image as tests/image does (as
root, with podman or Docker) and prints JSON. Linux only.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import machine
from tests.image.container import WORKER, Container
from tests.image.lab import Lab, open_lab

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

MEMORY_MB = (1024, 2048, 3072)
PLAN = Path("docs/sample/plan.png")
_LOOK_S = 0.05


def measure_memory(container: Container, sheets: list[Path]) -> dict[str, object]:
    """Seconds from the container's start to a 200 of /ping, then the peaks after each sheet."""
    report: dict[str, object] = {
        "ready_s": round(container.wait_ready(), 1),
        "idle_mb": container.peak_mb(),
    }
    for sheet in sheets:
        data = sheet.read_bytes()
        replies = [container.invoke(data) for _ in range(3)]
        report[sheet.name] = {
            "statuses": [reply.status for reply in replies],
            "peak_mb": container.peak_mb(),
        }
    return report


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


def main(argv: list[str] | None = None) -> int:
    """Run the command line; always 0, the figures are the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.image", description=__doc__)
    parser.add_argument("sheets", nargs="+", type=Path)
    parser.add_argument("--archive", type=Path, default=Path("model_store/rooms.mar"))
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, open_lab() as lab:
        model = Path(folder)
        model.chmod(0o755)
        shutil.copy(args.archive, model / "rooms.mar")
        image = lab.ship("rooms")
        report: dict[str, object] = {"machine": machine.describe(), "seconds": lab.seconds}
        for memory_mb in MEMORY_MB:
            with _run(lab, image, model, memory_mb) as container:
                report[f"{memory_mb} MB"] = measure_memory(container, args.sheets)
        with _run(lab, image, model, 2048) as container:
            report["killed worker"] = measure_killed_worker(container)
            report["stop"] = measure_stop(container, args.sheets[-1])
    print(json.dumps(report, indent=1))
    return 0


def _run(lab: Lab, image: str, model: Path, memory_mb: int) -> AbstractContextManager[Container]:
    flags = ["--volume", f"{model}:/opt/ml/model:ro"]
    return lab.container(image, "serve", memory_mb=memory_mb, flags=flags)


if __name__ == "__main__":
    sys.exit(main())
