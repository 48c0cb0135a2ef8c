# SPDX-License-Identifier: AGPL-3.0-or-later
"""Run every layer of tests that this machine can run, two at a time, and say what was left out.

``make test`` is ``python -m tests.layers``; ``make test REQUIRE_ALL=1`` adds ``--require-all``.
The tests that ask servers mostly wait, so another layer runs beside them. The first shows its
progress; what another prints follows when it is over.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
TRAIN_PYTHON = Path(".venv-train/bin/python")
FORMATS_PYTHON = Path(".venv-formats/bin/python")
NODE_MODULES = Path("client/viewer/node_modules")
# Folders that no layer runs, and what does.
ON_DEMAND = {"tests/live": "make live-rehearsal or, on an account of AWS, make live"}
PYTEST = (sys.executable, "-m", "pytest")
# A file for each of two cores, in the order of tests/conftest.py; two layers at a time.
SPREAD = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
AT_A_TIME = 2


@dataclass(frozen=True, slots=True)
class Layer:
    """Folders of tests that one command runs.

    Attributes:
        folders: Their names.
        commands: One after the other, until one fails.
        lacks: What this machine would need to run them; empty if it can.
    """

    folders: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    lacks: str = ""

    def __str__(self) -> str:
        return " ".join(self.folders)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a layer ended.

    Attributes:
        layer: It.
        status: Exit status of the last command.
        seconds: Of all commands.
        processor_s: Of all their processes that were waited for.
        output: What they printed, unless it was shown at once.
    """

    layer: Layer
    status: int
    seconds: float
    processor_s: float
    output: str = ""


def made(environment: str, is_required: bool) -> tuple[tuple[str, ...], ...]:  # noqa: FBT001
    """The command that makes an environment, if the tests that need it must run."""
    return (("make", "--no-print-directory", environment),) if is_required else ()


def layers(*, require_all: bool) -> list[Layer]:
    """All of them, the longest first; the first shows its progress."""
    servers = ("tests/unit", "tests/contract", "tests/e2e")
    parity = (str(TRAIN_PYTHON), "-m", "pytest", "tests/parity")
    formats = (
        str(FORMATS_PYTHON),
        "-m",
        "pytest",
        "--confcutdir",
        "tests/formats",
        "tests/formats",
    )
    lacks = {
        "image": "" if require_all else "some minutes: `make image-test` runs them",
        "parity": ""
        if require_all or TRAIN_PYTHON.exists()
        else "an environment of 6 GB: make venv-train, or make test REQUIRE_ALL=1",
        "formats": ""
        if require_all or FORMATS_PYTHON.exists()
        else "an environment of 1.4 GB: make venv-formats, or make test REQUIRE_ALL=1",
        "viewer": ""
        if shutil.which("chromium") and NODE_MODULES.is_dir()
        else "Chromium and what tests/viewer/install.sh fetches with Node",
        "plugin": "" if shutil.which("javac") else "javac: install a JDK of version 17 or later",
    }
    return [
        Layer(servers, ((*PYTEST, *SPREAD, *servers),)),
        Layer(("tests/image",), (("sh", "tests/image/run.sh"),), lacks["image"]),
        Layer(
            ("tests/parity", "tests/loop"),
            (*made("venv-train", require_all), parity, (*PYTEST, "tests/loop")),
            lacks["parity"],
        ),
        Layer(("tests/viewer",), ((*PYTEST, "tests/viewer"),), lacks["viewer"]),
        Layer(("tests/formats",), (*made("venv-formats", require_all), formats), lacks["formats"]),
        Layer(("tests/plugin",), ((*PYTEST, "tests/plugin"),), lacks["plugin"]),
    ]


def run(layer: Layer, *, shows_progress: bool = False) -> Outcome:
    """Run a layer to its end."""
    started_s, processor_s, status = time.monotonic(), 0.0, 0
    with tempfile.TemporaryFile() as file:
        output = None if shows_progress else file
        for command in layer.commands:
            process = subprocess.Popen(
                command, cwd=ROOT, stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )
            _, ended, usage = os.wait4(process.pid, 0)
            process.returncode = status = os.waitstatus_to_exitcode(ended)
            processor_s += usage.ru_utime + usage.ru_stime
            if status:
                break
        file.seek(0)
        printed = file.read().decode(errors="replace")
    return Outcome(layer, status, time.monotonic() - started_s, processor_s, printed)


def run_all(chosen: list[Layer]) -> list[Outcome]:
    """Run layers, two at a time, and print how each ended."""
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        running = [pool.submit(run, layer, shows_progress=layer is chosen[0]) for layer in chosen]
        for future in as_completed(running):
            outcome = future.result()
            if outcome.output:
                print(f"\n{outcome.layer}\n{outcome.output}", end="", flush=True)
    print()
    outcomes = [future.result() for future in running]
    for outcome in outcomes:
        verdict = "passed" if outcome.status == 0 else f"FAILED ({outcome.status})"
        times = f"{outcome.seconds:6.0f} s {outcome.processor_s:6.0f} s of processor"
        print(f"{times}  {verdict:12} {outcome.layer}")
    return outcomes


def main(argv: list[str] | None = None) -> int:
    """Run the command; 0 if all passed, 1 if something failed or is missing that must not be."""
    parser = argparse.ArgumentParser(prog="python -m tests.layers", description=__doc__)
    parser.add_argument("--require-all", action="store_true", help="leave nothing out")
    require_all = parser.parse_args(argv).require_all
    found = layers(require_all=require_all)
    missing = [layer for layer in found if layer.lacks]
    if require_all and missing:
        for layer in missing:
            print(f"error: {layer} needs {layer.lacks}", file=sys.stderr)
        return 1
    outcomes = run_all([layer for layer in found if not layer.lacks])
    for layer in missing:
        print(f"Left out: {layer}. It needs {layer.lacks}")
    for folder, command in ON_DEMAND.items():
        print(f"On demand: {folder}, by {command}")
    return int(any(outcome.status for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
