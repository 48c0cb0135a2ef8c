# SPDX-License-Identifier: AGPL-3.0-or-later
"""Measure this project beside its peers, in one run, and write JSON.

``python -m benchmarks.bench`` (``make bench``), up to 20 minutes; ``--quick`` takes about 3 and its
figures are for trying the program only. ``python -m benchmarks.bench.tables`` and
``benchmarks.bench.plots`` write docs/benchmarks.md from the JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from archive.export import DRAWN_PICTURES, DRAWN_SEED
from benchmarks.bench.alone import measure_memory, measure_starts, wait_first_answer
from benchmarks.bench.bar import PLAN, judge
from benchmarks.bench.rounds import Rounds
from benchmarks.bench.services import BenchError
from benchmarks.bench.sheet_rounds import measure_sheets
from benchmarks.bench.starting import (
    LEFT_OUT_IF_QUICK,
    ROOT,
    SERVERS,
    TURN_TAKERS,
    Setup,
    crowd,
    pack_peer,
)
from benchmarks.bench.tables import bar_text
from benchmarks.sheets import draw_plans, draw_sheets, scan
from deploy.errors import EngineError
from deploy.image.engine import find_engine
from deploy.image.sizes import measure as measure_layers
from reporting import machine

FORMAT = 2
SCRATCH = ROOT / "build" / "bench"
PEER_ARCHIVE = SCRATCH / "peer.mar"
EXPORTS = SCRATCH / "exports"
PICTURES = (PLAN, "plan.jpg", "photo.jpg", "a1.pdf", "a1.tif")
# A synthetic A1 sheet of 134 rooms at 1:200, drawn of lines, and its scan.
LINES, SCAN, SHEET_SEED = "sheet.pdf", "sheet.tif", 11
# Those that are seen on all levels; the first is all that a quick run has.
SHEETS = (LINES, SCAN, "a1.pdf", "photo.jpg")
SHEET_ROUNDS = 3


def draw_pictures() -> dict[str, Path]:
    """The pictures by name; they are drawn where that was not done."""
    folder = SCRATCH / "pictures"
    pictures = {name: folder / name for name in PICTURES}
    if not all(path.is_file() for path in pictures.values()):
        draw_sheets(folder)
        draw_plans(folder)
    return pictures


def draw_lines(setup: Setup) -> dict[str, Path]:
    """The sheets by name; the synthetic ones are drawn where that was not done."""
    folder = SCRATCH / "pictures"
    sheets = {name: folder / name for name in SHEETS}
    if not (sheets[LINES].is_file() and sheets[SCAN].is_file()):
        with tempfile.TemporaryDirectory() as scratch:
            run_peers(
                setup, "plans.synth", "--out", scratch, "--count", 1, "--seed", SHEET_SEED,
                "--kind", "sheets", "--pdf", handler=True,
            )  # fmt: skip
            (drawn,) = Path(scratch).glob("images/*.pdf")
            shutil.move(drawn, sheets[LINES])
        scan(sheets[LINES])
    return sheets


def about_picture(path: Path) -> dict[str, Any]:
    """Size in bytes and, of a picture, in pixels as stored."""
    size_wh: tuple[int, int] | None = None
    if path.suffix != ".pdf":
        Image.MAX_IMAGE_PIXELS = None  # the sheets are our own
        with Image.open(path) as picture:
            size_wh = picture.size
    return {"bytes": path.stat().st_size, "size_wh": size_wh}


def run_peers(setup: Setup, module: str, *arguments: object, handler: bool = False) -> str:
    """Run a module in the peers' environment; what it prints.

    Raises:
        BenchError: If it fails.
    """
    environment = setup.environment(SCRATCH)
    if handler:
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "handler")])
    done = subprocess.run(
        [setup.peers_python, "-m", module, *map(str, arguments)],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BenchError(f"{module}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def ask_peers(setup: Setup, module: str, *arguments: object) -> Any:
    """Run a module in the peers' environment; the JSON of the last line that it prints.

    What comes before is ultralytics', which greets whoever runs it for the first time.
    """
    return json.loads(run_peers(setup, module, *arguments).splitlines()[-1])


def export_peers(setup: Setup, ultralytics: str) -> None:
    """Let ultralytics export the checkpoint, unless this version has already.

    Int8 is calibrated with the blueprints that archive.export draws for this project's networks.
    """
    made_of = f"{hashlib.sha256(setup.checkpoint.read_bytes()).hexdigest()} {ultralytics}\n"
    done = setup.exports / "made-of.txt"
    if done.is_file() and done.read_text("ascii") == made_of:
        return
    print("exporting the checkpoint to OpenVINO …", file=sys.stderr, flush=True)
    shutil.rmtree(setup.exports, ignore_errors=True)
    plans = setup.exports / "plans"
    plans.mkdir(parents=True)
    drawn = ("--count", DRAWN_PICTURES, "--seed", DRAWN_SEED, "--workers", machine.cores())
    run_peers(setup, "plans.synth", "--out", plans, *drawn, handler=True)
    checkpoint = shutil.copy(setup.checkpoint, setup.exports / "rooms.pt")
    run_peers(setup, "benchmarks.peers.export_openvino", checkpoint, plans)
    for folder in (setup.openvino, setup.openvino_int8):
        if not any(folder.glob("*.xml")):
            raise BenchError(f"ultralytics has not exported to {folder.name}")
    shutil.rmtree(plans)
    done.write_text(made_of, "ascii")


def image_bytes(image: str) -> int:
    """Compressed size of an image that is stored here.

    Raises:
        BenchError: If it is not, or if there is no engine to ask.
    """
    try:
        layers = measure_layers(find_engine().program, image)
    except EngineError as err:
        raise BenchError(f"--image: {err}") from err
    return sum(layer.compressed_bytes for layer in layers)


def choose_threads(setup: Setup, plan: Path) -> tuple[Setup, dict[str, float]]:
    """Give the peers as many threads as serve them best, by a trial."""
    times_ms = ask_peers(setup, "benchmarks.peers.threads", setup.checkpoint, plan)
    best = min(times_ms, key=times_ms.__getitem__)
    return replace(setup, peer_threads=int(best)), times_ms


def measure_rounds(
    setup: Setup, pictures: dict[str, Path], args: argparse.Namespace
) -> dict[str, Any]:
    """Start everything, then let all take turns."""
    with ExitStack() as stack:
        services = {}
        for name, start in setup.chosen(SERVERS | TURN_TAKERS).items():
            services[name] = stack.enter_context(start(setup))
            # The next one chooses its ports when this one listens on all of its own.
            wait_first_answer(services[name], pictures[PLAN])
        members = stack.enter_context(crowd(setup, args.cores))
        for member in members.members:
            wait_first_answer(member, pictures[PLAN])
        rounds = Rounds(services, members, pictures, PLAN, args.block_s)
        rounds.warm_up()
        idle_share = rounds.idle_share()
        rounds.run(args.rounds)
        return {"idle_processor_share": idle_share} | rounds.report()


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """The whole report."""
    began_s = time.monotonic()
    # First: without the image nobody waits for the rest.
    of_image = {"image_bytes": image_bytes(args.image)} if args.image else {}
    setup = Setup(
        args.archive, args.checkpoint, PEER_ARCHIVE, EXPORTS, args.peers_python.absolute(),
        args.peer_threads or 1, LEFT_OUT_IF_QUICK if args.quick else frozenset(),
    )  # fmt: skip
    peers_machine = ask_peers(setup, "reporting.machine")
    pictures = draw_pictures()
    sheets = draw_lines(setup)
    if args.quick:
        sheets = {LINES: sheets[LINES]}
    pack_peer(setup)
    export_peers(setup, peers_machine["packages"]["ultralytics"])
    trial_ms: dict[str, float] = {}
    if not args.peer_threads:
        setup, trial_ms = choose_threads(setup, pictures[PLAN])
    folders = [Path(sys.prefix).resolve(), setup.peers_python.parents[1].resolve()]
    start = measure_starts(setup, pictures[PLAN], args.starts, folders)
    report = {
        "format": FORMAT,
        "machine": machine.describe(),
        "peers_machine": peers_machine,
        "settings": {
            **{name: getattr(args, name) for name in ("quick", "rounds", "block_s", "starts")},
            "peer_threads": setup.peer_threads,
            "peer_threads_trial_ms": trial_ms,
        },
        "pictures": {name: about_picture(path) for name, path in pictures.items()},
        "start": start,
        "memory": measure_memory(setup, pictures, PLAN),
        "archive_bytes": {
            "ours": setup.archive.stat().st_size,
            "torchserve": setup.peer_archive.stat().st_size,
        },
        **of_image,
        **measure_rounds(setup, pictures, args),
        "sheets": {
            "pictures": {name: about_picture(path) for name, path in sheets.items()},
            **measure_sheets(setup, sheets, 1 if args.quick else SHEET_ROUNDS, args.block_s),
        },
    }
    report["bar"] = [check.as_json for check in judge(report)]
    report["settings"]["minutes"] = round((time.monotonic() - began_s) / 60, 1)
    return report


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 if the bar is reached, 1 if not or if a measurement fails."""
    args = _parse(argv)
    SCRATCH.mkdir(parents=True, exist_ok=True)
    # A request to end must reach the blocks that end the servers; a shell ignores SIGINT of jobs.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        report = measure(args)
    except BenchError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text, "utf-8")
    print(text, end="")
    print(bar_text(report), file=sys.stderr)
    return 0 if all(line["passed"] for line in report["bar"]) else 1


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    parser.add_argument("--archive", type=Path, default=Path("model_store/rooms.mar"))
    parser.add_argument("--checkpoint", type=Path, default=Path("weights/rooms.pt"))
    parser.add_argument("--peers-python", type=Path, default=Path(".venv-train/bin/python"))
    parser.add_argument("--peer-threads", type=int, help="instead of the best of a trial")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--block-s", type=float, default=1.0, help="seconds of a turn")
    parser.add_argument("--starts", type=int, default=3, help="of each server, cold and warm each")
    parser.add_argument("--quick", action="store_true", help="one short round, to try the program")
    parser.add_argument("--image", help="also tell the size of this image")
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    args = parser.parse_args(argv)
    args.cores = machine.cores()
    if args.quick:
        args.rounds, args.block_s, args.starts = 1, 0.3, 1
    return args


if __name__ == "__main__":
    sys.exit(main())
