# SPDX-License-Identifier: AGPL-3.0-or-later
"""The loop of docs/viewer.md with its figures: correct, train, pack, roll out, ask again.

``python -m benchmarks.teach --plans r3d=plans:r3d- --least-rooms 14 --out build/teach``
draws ten plans of a style and ten others (``--others``), asks the archive for all, saves the ten as
the viewer's page does when a person has corrected them (here the labels are that person), and goes
on as ``make train``, ``make archive`` and ``local rollout`` do, with no options but theirs, under
the server that has answered before. The figures of the others are the result; those of another set
(``--other cubicasa=plans:cubicasa-``) tell what was lost. Such weights are never shipped. Training
and export need ultralytics: ``make venv-train``.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archive.pack import PackError, pack
from evaluation.evaluate import DEFAULT_ARCHIVE, describe_archive
from evaluation.figures import figures
from evaluation.served import AskError, Asking, Server
from plans.errors import DataError
from plans.plan_sets import evenly_thinned, named_set, read_plan_set
from reporting import machine
from roomdet_client import RoomClient
from roomdet_client.drawing import draw_rooms
from roomdet_client.viewer.errors import ViewerError
from roomdet_client.viewer.plan_set import PlanSet, Room
from serving.errors import ToolError
from serving.rollout import roll_out
from serving.running import Place
from serving.server import serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plans.plan_sets import Sample

ROOT = Path(__file__).parent.parent
TRAIN_PYTHON = Path(os.environ.get("TRAIN_BIN") or ROOT / ".venv-train" / "bin") / "python"
# What training may take beyond its minutes, and an export: neither may hang for ever.
LATE_S = 900.0
FAILURES = (AskError, DataError, PackError, ToolError, ViewerError, subprocess.SubprocessError)
SHOWN = ("recall", "precision", "f1", "ap50", "ap50_95")


@dataclass(frozen=True, slots=True)
class Style:
    """Plans of one style, no two of the same building."""

    corrected: list[Sample]
    others: list[Sample]


def choose(pictures: Sequence[Sample], corrected: int, others: int, least_rooms: int = 0) -> Style:
    """Draw plans to correct, and others to look at; the same each time.

    Args:
        pictures: Of the style; the first of each plan counts.
        corrected: How many are corrected.
        others: How many are only looked at.
        least_rooms: Plans with fewer rooms are no part of the style.

    Raises:
        DataError: If there are too few.
    """
    firsts = {picture.plan: picture for picture in reversed(pictures)}
    fit = [one for _, one in sorted(firsts.items()) if len(one.boxes_xywhn) >= least_rooms]
    if len(fit) < corrected + others:
        raise DataError(f"there are {len(fit)} such plans; {corrected + others} are needed")
    order = np.random.default_rng(0).permutation(len(fit)).tolist()
    drawn = [fit[place] for place in order]
    return Style(drawn[:corrected], drawn[corrected : corrected + others])


def correct(pictures: Sequence[Sample], folder: Path) -> None:
    """Save plans as the viewer's page does when each of their rooms is accepted.

    Raises:
        ViewerError: If the folder cannot be written, or is a plan set of somebody else.
    """
    plan_set = PlanSet(folder)
    for picture in pictures:
        boxes: list[list[float]] = picture.boxes_xyxyn.astype(float).tolist()
        rooms = tuple(Room((x0, y0, x1, y1), None, accepted=True) for x0, y0, x1, y1 in boxes)
        path, (height, width) = picture.path, picture.size_hw
        data = path.read_bytes()
        plan_set.save(path.name, 1, data, path.suffix, (width, height), rooms, complete=True)


def ask(url: str, sets: dict[str, list[Sample]]) -> dict[str, dict[str, float]]:
    """What a server finds on each set (:func:`evaluation.figures.figures`).

    Raises:
        AskError: If it does not answer for a picture.
    """
    server = Server(url)
    answered = {name: server.ask(pictures, Asking(), concurrency=1)
                for name, pictures in sets.items()}  # fmt: skip
    return {name: figures([one.judged for one in judged]) for name, judged in answered.items()}


def run_training(out: Path, module: str, *options: str, timeout_s: float) -> None:
    """Run one of training's programs as the Makefile does.

    Raises:
        subprocess.SubprocessError: If it does not end with 0, or not in time.
    """
    own = {"PYTHONPATH": f"{ROOT / 'handler'}{os.pathsep}{ROOT}", "YOLO_OFFLINE": "true",
           "YOLO_CONFIG_DIR": str((out / "ultralytics").resolve())}  # fmt: skip
    command = [str(TRAIN_PYTHON), "-m", module, *options]
    subprocess.run(
        command, cwd=ROOT, env={**os.environ, **own}, stdout=sys.stderr, check=True,
        timeout=timeout_s,
    )  # fmt: skip


def teach(args: argparse.Namespace) -> dict[str, Any]:
    """Walk the loop once; the report: figures before and after, seconds of each step.

    Raises:
        AskError: If a picture is not answered.
        DataError: If there are too few plans.
        PackError: If the network cannot be packed.
        subprocess.SubprocessError: If training or export fails.
        ToolError: If the server does not start, or the rollout fails.
        ViewerError: If ``--out`` has other plans already.
    """
    name, place, prefix = args.plans
    chosen = read_plan_set(place, prefix=prefix).samples
    style = choose(chosen, args.corrected, args.others, args.least_rooms)
    sets = {f"{name}, corrected": style.corrected, f"{name}, others": style.others}
    for other, folder, start in args.other:
        pictures = read_plan_set(folder, prefix=start).samples
        sets[other] = evenly_thinned(list(pictures), args.at_most)
    out: Path = args.out.resolve()
    seconds: dict[str, float] = {}
    with serve(args.archive) as server:
        server.wait_ready()
        before = ask(server.url, sets)
        _draw(server.url, style.others, out / "before", args.drawings)
        correct(style.corrected, out / "my-plans")
        with _timed("train", seconds):
            run = ["--data", str(out / "my-plans"), "--out", str(out / "run")]
            run += ["--start", str(args.start.resolve()), "--minutes", str(args.minutes)]
            limit_s = args.minutes * 60 + LATE_S
            flags = shlex.split(args.train_flags)
            run_training(out, "training.train", *run, *flags, timeout_s=limit_s)
        with _timed("pack", seconds):
            export = (str(out / "run" / "rooms.pt"), "--out", str(out / "network"))
            flags = shlex.split(args.export_flags)
            run_training(out, "archive.export", *export, *flags, timeout_s=LATE_S)
            version = f"{describe_archive(args.archive)['version']}-taught"
            pack(out / "network", out / "rooms.mar", version=version, root=ROOT)
        with _timed("roll out", seconds):
            roll_out(out / "rooms.mar", Place.of(server), _say)
        after = ask(server.url, sets)
        _draw(server.url, style.others, out / "after", args.drawings)
    plans = {set_name: [one.path.name for one in pictures] for set_name, pictures in sets.items()}
    rooms = {set_name: sum(len(one.boxes_xywhn) for one in pictures)
             for set_name, pictures in sets.items()}  # fmt: skip
    return {"plans": plans, "rooms": rooms, "before": before, "after": after, "seconds": seconds,
            "machine": machine.describe()}  # fmt: skip


def as_table(report: dict[str, Any]) -> str:
    """Figures before → after of each set, and the seconds of each step."""
    lines = ["| plans | number | rooms | R | P | F1 | AP50 | AP50-95 |", "|---" * 8 + "|"]
    for name, plans in report["plans"].items():
        cells = [f"{report['before'][name][key]:.3f} → {report['after'][name][key]:.3f}"
                 for key in SHOWN]  # fmt: skip
        lines.append(f"| {name} | {len(plans)} | {report['rooms'][name]:,} | {' | '.join(cells)} |")
    steps = ", ".join(f"{step} {value:.0f} s" for step, value in report["seconds"].items())
    return "\n".join([*lines, "", steps])


@contextmanager
def _timed(step: str, seconds: dict[str, float]) -> Iterator[None]:
    _say(f"{step} …")
    started_s = time.monotonic()
    yield
    seconds[step] = round(time.monotonic() - started_s, 1)


def _draw(url: str, pictures: Sequence[Sample], folder: Path, count: int) -> None:
    """Draw what is found on the first pictures, at the server's defaults."""
    with RoomClient(url) as client:
        for picture in pictures[:count]:
            folder.mkdir(parents=True, exist_ok=True)
            data = picture.path.read_bytes()
            drawn = draw_rooms(data, client.detect(data).rooms)
            drawn.save(folder / f"{picture.path.stem}.png")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.teach", description=__doc__)
    add = parser.add_argument
    where = "NAME=DIR[:PREFIX]"
    add("--plans", type=named_set, required=True, metavar=where, help="labeled plans of a style")
    add("--other", type=named_set, action="append", default=[], metavar=where, help="what is lost?")
    add("--at-most", type=int, default=100, help="pictures of each other set (100)")
    add("--least-rooms", type=int, default=0, help="plans with fewer are not of the style")
    add("--corrected", type=int, default=10, help="plans to train on (10)")
    add("--others", type=int, default=10, help="plans only looked at (10)")
    add("--out", type=Path, required=True, help="folder for all that is made")
    add("--archive", type=Path, default=DEFAULT_ARCHIVE, help="what serves before")
    add("--start", type=Path, default=ROOT / "weights" / "rooms.pt", help="its checkpoint")
    add("--minutes", type=float, default=15, help="of training (15)")
    add("--train-flags", default="", help="TRAIN_FLAGS of make train")
    add("--export-flags", default="", help="EXPORT_FLAGS of make archive")
    add("--drawings", type=int, default=0, help="so many others are drawn, before and after")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 when the loop is closed, 1 failed, 2 bad usage. stdout has the table.

    One that was stopped goes on with its training.
    """
    args = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        report = teach(args)
    except FAILURES as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    (args.out / "teach.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(as_table(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
