# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where the time goes from a start to the first answer, in this checkout and in another one.

``python -m benchmarks.startup [--before FOLDER] [--image]`` starts the server several times with a
warm and a cold page cache, here and in a container, and prints JSON. The archives must be packed
(``make archive``); images are built. :mod:`benchmarks.startup.report` writes it into the documents.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.startup.one import MARK, PLACES
from reporting import machine

ONE = Path(__file__).with_name("one.py")


def measure(name: str, checkout: Path, place: str, runs: int) -> dict[str, Any]:
    """Measure a checkout with its own modules, in a process of its own.

    Raises:
        CalledProcessError: If it cannot be measured; standard error says why.
    """
    print(f"{name}, {place}: {checkout}", file=sys.stderr)
    path = os.pathsep.join(str(checkout / part) for part in ("handler", "docker", ""))
    # -P: the checkout's modules are found, not those beside the file.
    output = subprocess.run(
        [sys.executable, "-P", str(ONE), place, str(runs)],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    report: dict[str, Any] = json.loads(output.rpartition(MARK)[2])
    return {"name": name, "commit": commit_of(checkout), "machine": machine.describe(), **report}


def commit_of(checkout: Path) -> str:
    """Its short name, with ``-dirty`` where files differ."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(
        command, cwd=checkout, capture_output=True, text=True, check=True
    ).stdout.strip()


def main(argv: list[str] | None = None) -> int:
    """Run the command line; always 0, the figures are the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--before", type=Path, help="worktree of another commit, measured first")
    parser.add_argument("--image", action="store_true", help="in a container, too (as root)")
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args(argv)
    checkouts = {"before": args.before.resolve()} if args.before else {}
    checkouts["now"] = Path.cwd()
    reports = [
        measure(name, checkout, place, args.runs)
        for place in (PLACES if args.image else ["here"])
        for name, checkout in checkouts.items()
    ]
    print(json.dumps(reports, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
