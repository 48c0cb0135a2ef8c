# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where each MB goes: process 1, the JVM by area, the worker by stage and by file.

``python -m benchmarks.footprint [--tree CHECKOUT]`` prints JSON. The server runs as in a container
(:mod:`benchmarks.hosted`); ``--tree`` measures another checkout, such as a worktree of an older
commit, so that before and after come from one program. Linux only, as root.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import ts

from benchmarks import jvm
from benchmarks.caller import CONCURRENCY, calling
from benchmarks.hosted import Hosted, Tree, hosted, pack
from benchmarks.processes import mappings, memory, peak_mb
from benchmarks.sheets import draw_sheets
from benchmarks.traffic import Request
from reporting import machine

if TYPE_CHECKING:
    from collections.abc import Sequence

MEMORY_MB, CPUS = 2048, 2.0
PLANS = 200
PLAN = Path("docs/sample/plan.png")
_SMALLEST_MB = 1.0  # a file's row of its own
_STAGES = Path(__file__).with_name("stages.py")
# Named on the command line, for what an archive does only in a worker (handler/sitecustomize.py).
_WORKER_PROGRAM = str(Path(ts.__file__).with_name("model_service_worker.py"))


def measure(tree: Tree, sheets: Sequence[Path]) -> dict[str, object]:
    """Three servers, one after the other, and one worker without a server."""
    with hosted(tree, memory_mb=MEMORY_MB, cpus=CPUS) as server:
        server.wait_ready()
        (worker,) = server.workers()
        environ = _environ(worker)
        processes = {"idle": _processes(server)}
        files = {"idle": _files(worker)}
        _send_plans(server)
        processes["after plans"] = _processes(server)
        files["after plans"] = _files(worker)
        with calling(server.url) as caller:
            for sheet in sheets:
                caller.send(Request("sheet", sheet.read_bytes()))
        processes["after sheets"] = _processes(server)
        charged = {"held_mb": server.group.held_mb(), "peak_mb": server.group.peak_mb()}
    with hosted(tree, memory_mb=MEMORY_MB, cpus=CPUS, vmargs=[jvm.TRACKING_FLAG]) as server:
        server.wait_ready()
        (pid,) = server.roles()["jvm"]
        areas = {"idle": jvm.areas_mb(pid)}
        _send_plans(server)
        areas["after plans"] = jvm.areas_mb(pid)
        committed = jvm.committed_mb(pid)
    return {
        "commit": _commit(tree.root),
        "processes": processes,
        "all": charged,
        "jvm": {"resident_mb": areas, "committed_mb": committed},
        "worker": {"files_mb": files, "stages": _stages(tree, environ, [PLAN, *sheets])},
    }


def _send_plans(server: Hosted) -> None:
    plan = Request("plan", PLAN.read_bytes())
    with calling(server.url) as caller, ThreadPoolExecutor(CONCURRENCY) as pool:
        statuses = set(pool.map(lambda _: caller.send(plan), range(PLANS)))
    if statuses != {200}:
        raise RuntimeError(f"plans were answered with {statuses}")


def _processes(server: Hosted) -> dict[str, dict[str, float]]:
    return {
        role: {**asdict(memory(pid)), "peak": peak_mb(pid)}
        for role, (pid,) in server.roles().items()
    }


def _files(pid: int) -> dict[str, float]:
    """Resident memory of a process by what stands behind it; small files together."""
    found: dict[str, float] = defaultdict(float)
    for mapping in mappings(pid):
        found[Path(mapping.name).name or "anonymous"] += mapping.pss_mb
    rows = {name: size for name, size in found.items() if size >= _SMALLEST_MB}
    rows["smaller ones"] = sum(found.values()) - sum(rows.values())
    return {name: round(size, 1) for name, size in sorted(rows.items(), key=lambda row: -row[1])}


def _environ(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _stages(
    tree: Tree, environ: dict[str, str], pictures: Sequence[Path]
) -> list[dict[str, object]]:
    """What a worker holds after each stage of its life, alone and with the real one's settings."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(tree.archive) as archive:
            archive.extractall(folder)
        environ = environ | {"PYTHONPATH": folder, "TMPDIR": folder}
        files = [str(path.resolve()) for path in pictures]
        packages: list[str] = _run_stages(["--packages", folder], environ, folder)
        stages: list[dict[str, object]] = _run_stages(
            [",".join(packages), folder, *files], environ, folder
        )
    return stages


def _run_stages(arguments: list[str], environ: dict[str, str], folder: str) -> list:  # type: ignore[type-arg]  # JSON
    process = subprocess.run(
        [sys.executable, str(_STAGES), _WORKER_PROGRAM, *arguments],
        env=environ,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    _, marker, result = process.stdout.rpartition("RESULT")
    if not marker:
        raise RuntimeError(f"the stages failed:\n{process.stdout[-2000:]}{process.stderr[-2000:]}")
    found: list[object] = json.loads(result)
    return found


def _commit(root: Path) -> str:
    describe = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(describe, capture_output=True, text=True, check=True).stdout.strip()


def main(argv: list[str] | None = None) -> int:
    """Run the command line; always 0, the figures are the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.footprint", description=__doc__)
    parser.add_argument("--tree", type=Path, default=Path(), help="checkout to measure")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sheets = draw_sheets(folder)
        report = measure(pack(args.tree, folder), sheets)
    print(json.dumps({"machine": machine.describe(), **report}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
