# SPDX-License-Identifier: AGPL-3.0-or-later
"""Train a room detector on plan sets, inside a time budget.

``python -m training.train --data plans --out build/train`` needs ultralytics (``make venv-train``).
The same command goes on with a run that was stopped or killed. docs/training.md tells the rest.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plans.errors import DataError
from plans.plan_sets import PlanSet, Split, read_sources, split_by_plan
from reporting import machine
from training.errors import TrainError
from training.options import SIZES, parse_args, ultralytics_settings
from training.record import data_record, write_atomically
from training.schedule import Schedule

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from training.loader import PageTransform
    from training.progress import Progress
    from training.trainer import RoomTrainer

FINAL = "rooms.pt"
STOPPED = 3  # exit status of a run that was asked to stop and can go on
MOST_HELD_OUT = 200
# What decides the result; a run goes on only with the same.
FREE_TO_CHANGE = {"out", "minutes", "epochs", "workers", "validate_minutes", "threads", "device"}


@dataclass(slots=True)
class Stop:
    """Set by SIGTERM and SIGINT; the loop looks at it after each step."""

    asked: bool = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals over; a second one ends the program at once."""
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = [signal.signal(number, self._ask) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    def _ask(self, number: int, _frame: object) -> None:
        self.asked = True
        print(f"{signal.Signals(number).name}: saving and stopping …", flush=True)
        signal.signal(number, signal.SIG_DFL)


def train(args: argparse.Namespace, clock: Callable[[], float] = time.monotonic) -> int:
    """Train, or go on training; 0 when the run is finished, 3 when it was stopped.

    Args:
        args: As :func:`~training.options.parse_args` returns them.
        clock: Seconds since any moment; the budget is measured with it.

    Raises:
        DataError: If the data cannot be trained on.
        TrainError: If the folder holds another run.
    """
    started = clock()
    out: Path = args.out
    out.mkdir(parents=True, exist_ok=True)
    if (out / FINAL).exists():
        print(f"{out / FINAL} is there: this run is finished; another one takes another --out")
        return 0
    data = read_sources(args.data)
    split = split_by_plan(data.samples, held_out=args.held_out, seed=args.seed, most=MOST_HELD_OUT)
    print(describe(data, split), flush=True)
    _quiet_ultralytics()
    from training.progress import Progress  # noqa: PLC0415  # torch takes seconds

    progress = Progress(out, _fingerprint(args, data), lambda: clock() - started)
    _check_same_run(progress)
    stop = Stop()
    with stop.listening():
        trainer = _trainer(args, split, progress, stop)
        trainer.train()
    if not trainer.finished:
        trainer.progress.say("stopped; the same command goes on from here")
        return STOPPED
    _finish(args, data, split, trainer)
    return 0


def describe(data: PlanSet, split: Split) -> str:
    """The data in a few lines."""
    plans = {sample.plan for sample in data.samples}
    held = {sample.plan for sample in split.val}
    return (
        f"{len(data.samples)} pictures of {len(plans)} plans with {data.rooms} rooms; "
        f"{data.dropped_boxes} labels without area dropped\n"
        f"training on {len(split.train)} pictures; "
        f"held out: {len(split.val)} pictures of {len(held)} plans"
    )


def _fingerprint(args: argparse.Namespace, data: PlanSet) -> str:
    settings = {key: str(value) for key, value in vars(args).items() if key not in FREE_TO_CHANGE}
    if args.start not in SIZES:
        settings["start"] = _sha256_of(Path(args.start))
    listed = [f"{e.path.name} {len(e.boxes_xywhn)} {e.weight}" for e in data.samples]
    settings["data"] = hashlib.sha256("\n".join(listed).encode()).hexdigest()
    return json.dumps(settings, sort_keys=True)


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _quiet_ultralytics() -> None:
    """Keep ultralytics off the network and its moving bars off the screen; before its import."""
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_VERBOSE", "false")
    from ultralytics.utils import LOGGER  # noqa: PLC0415  # see above

    LOGGER.setLevel("WARNING")


def _trainer(args: argparse.Namespace, split: Split, progress: Progress, stop: Stop) -> RoomTrainer:
    import cv2  # noqa: PLC0415  # these take seconds, which --help need not wait for
    import torch  # noqa: PLC0415

    from training.trainer import RoomTrainer  # noqa: PLC0415

    cv2.setNumThreads(0)  # pictures are loaded by processes, one thread each
    schedule = Schedule(
        minutes=args.minutes,
        epochs=args.epochs,
        close_mosaic=args.close_mosaic,
        validate_minutes=args.validate_minutes,
        workers=args.workers,
        seed=args.seed,
        turns=args.turns,
        ignore_unlabeled_above=args.ignore_unlabeled_above,
    )
    trainer = RoomTrainer(
        ultralytics_settings(args),
        split=split,
        schedule=schedule,
        progress=progress,
        page_transform=_degrading(args.degrade),
        must_stop=lambda: stop.asked,
    )
    # Choosing the device, ultralytics sets one thread less than there are cores.
    torch.set_num_threads(args.threads)
    return trainer


def _check_same_run(progress: Progress) -> None:
    """A checkpoint in the folder must come from the same settings.

    Raises:
        TrainError: If it does not; the message names the differences.
    """
    if not progress.checkpoint.exists():
        return
    theirs, ours = json.loads(progress.resumed_fingerprint()), json.loads(progress.fingerprint)
    changed = [
        f"{key}: {theirs.get(key)} → {ours.get(key)}"
        for key in sorted(theirs.keys() | ours.keys())
        if theirs.get(key) != ours.get(key)
    ]
    if changed:
        raise TrainError(
            f"{progress.folder} holds a run with other settings ({'; '.join(changed)}); "
            "take another --out, or empty it"
        )


def _degrading(probability: float) -> PageTransform | None:
    """The drawing-specific degradations, each picture with this probability."""
    if not probability:
        return None
    from plans.degrade import degrade_randomly  # noqa: PLC0415  # cv2, likewise

    def page_transform(page_u8: Any, generator: Any) -> Any:
        if generator.random() >= probability:
            return page_u8
        return degrade_randomly(page_u8, generator)

    return page_transform


def _finish(args: argparse.Namespace, data: PlanSet, split: Split, trainer: RoomTrainer) -> None:
    """Write ``run.json`` and, when all else is done, ``rooms.pt``."""
    final = args.out / FINAL
    partial = final.with_suffix(".partial")
    trainer.write_final(partial)
    run = {
        "command": ["python", "-m", "training.train", *sys.argv[1:]],
        "settings": {k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items()},
        "data": data_record(data, args.data),
        "training_pictures": len(split.train),
        "held_out_pictures": len(split.val),
        "dropped_labels": data.dropped_boxes,
        "versions": {name: version(name) for name in ("numpy", "torch", "ultralytics")},
        "machine": {
            "processor": machine.cpu_name(),
            "cores": os.cpu_count(),
            "precision": "bf16" if trainer.bfloat16 else "fp32",
        },
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "elapsed_s": round(trainer.progress.elapsed_s(), 1),
        "epochs": trainer.position.epoch,
        "steps": trainer.position.steps,
        "start_sha256": None if args.start in SIZES else _sha256_of(Path(args.start)),
        "end_sha256": _sha256_of(partial),
        "metrics": trainer.progress.rows[-1],
    }
    write_atomically(args.out / "run.json", json.dumps(run, indent=1) + "\n")
    partial.replace(final)
    trainer.progress.checkpoint.unlink()
    trainer.progress.say(f"finished: {final}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0 finished, 1 failed, 2 bad usage, 3 stopped and can go on."""
    args = parse_args(argv)
    try:
        return train(args)
    except (DataError, TrainError) as err:
        print(f"error: {err}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
