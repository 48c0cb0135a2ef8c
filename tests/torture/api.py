# SPDX-License-Identifier: AGPL-3.0-or-later
"""The API fuzzed by its own description: schemathesis reads docs/openapi.yaml and asks a server.

Each answer must have a documented status, content type and schema, and no status of 5xx; what the
schema forbids must be refused. Two of its checks are left out. That whatever the schema allows is
accepted: no schema says that a text is the base64 of a picture, and one that is not gets 400. And
that other methods than POST get 405: TorchServe asks for none, and takes any that has a body.

``python -m tests.torture.api [--short] [--examples N] [--url http://…]``; needs schemathesis.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from serving.server import serve
from tests.conftest import ROOT

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from serving.server import LocalServer

LONG, SHORT = 2000, 40
PHASES = "examples,coverage,fuzzing"
LEFT_OUT = ("positive_data_acceptance", "unsupported_method")
MOST_S = 10


def command(url: str, examples: int, seed: int, report: Path) -> list[str]:
    """What runs schemathesis."""
    return [
        sys.executable, "-m", "schemathesis.cli", "run", str(ROOT / "docs" / "openapi.yaml"),
        "--url", url, "--checks", "all", "--exclude-checks", ",".join(LEFT_OUT),
        "--phases", PHASES, "--max-examples", str(examples), "--seed", str(seed),
        "--continue-on-failure", "--request-timeout", "60", "--max-response-time", str(MOST_S),
        "--generation-database", "none", "--report", "ndjson", "--report-ndjson-path", str(report),
        "--no-color",
    ]  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Run the command; 1 if anything was found."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.torture.api",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--short", action="store_true")
    add("--examples", type=int, help=f"for each of the two addresses ({LONG:,})")
    add("--seed", type=int, default=1)
    add("--url", help="a server that runs; without it one is started")
    add("--archive", type=Path, default=ROOT / "model_store" / "rooms.mar")
    args = parser.parse_args(argv)
    examples = args.examples or (SHORT if args.short else LONG)
    started_s = time.monotonic()
    with _server(args.url, args.archive) as server, tempfile.TemporaryDirectory() as folder:
        if server:
            server.wait_ready()
        report = Path(folder, "report.ndjson")
        environ = os.environ | {
            "PYTHONPATH": os.pathsep.join(sys.path),
            "SCHEMATHESIS_HOOKS": "tests.torture.api_hooks",
        }
        url = args.url or (server.url if server else "")
        status = subprocess.run(
            command(url, examples, args.seed, report), env=environ, cwd=folder, check=False
        ).returncode
        requests = count(report)
    minutes = (time.monotonic() - started_s) / 60
    print(f"API by its description | schemathesis, a real server | {requests:,} requests; "
          f"{minutes:.0f} min | {'none' if status == 0 else 'see above'} found")  # fmt: skip
    return int(status != 0)


def _server(url: str | None, archive: Path) -> AbstractContextManager[LocalServer | None]:
    return nullcontext() if url else serve(archive, config=ROOT / "config.properties")


def count(report: Path) -> int:
    """Requests that were sent, by schemathesis's own report."""
    found = 0
    for line in report.read_text("utf-8").splitlines() if report.exists() else []:
        event = json.loads(line)
        found += len(event.get("ScenarioFinished", {}).get("recorder", {}).get("cases", {}))
    return found


if __name__ == "__main__":
    sys.exit(main())
