# SPDX-License-Identifier: AGPL-3.0-or-later
"""The options of a training run, and what they are in ultralytics' words."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES = ("yolov8n", "yolov8s", "yolov8m", "yolov8l", "yolov8x")  # random weights, small to large
SCRATCH_LR, FINE_TUNING_LR = 0.002, 0.0005  # AdamW; more than this forgets what was learned
LARGEST_ANGLE_DEG = 3.0  # boxes of turned plans grow; beyond this they no longer fit their rooms
SHARES = ("mosaic", "close_mosaic", "turns", "degrade", "translate", "ignore_unlabeled_above")
DESCRIPTION = "Train a room detector on plan sets, inside a time budget."


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, checked; bad usage ends the program with status 2."""
    parser = argparse.ArgumentParser(prog="python -m training.train", description=DESCRIPTION)
    add = parser.add_argument
    add("--data", action="append", required=True, metavar="DIR[:WEIGHT]", help="a plan set")
    add("--out", type=Path, required=True, help="folder of the run")
    add(
        "--start",
        default="weights/rooms.pt",
        help=f"checkpoint, or from scratch: {', '.join(SIZES)}",
    )
    add("--minutes", type=float, default=110.0, help="wall clock of the whole run")
    add("--epochs", type=int, default=0, help="at most this many; 0: as many as fit")
    add("--input-px", type=int, default=640, help="side of the square input, a multiple of 32")
    add("--batch", type=int, default=8)
    add("--lr", type=float, help=f"peak; {FINE_TUNING_LR} from a checkpoint, {SCRATCH_LR} without")
    add("--weight-decay", type=float, default=0.0005)
    add("--seed", type=int, default=0)
    add("--held-out", type=float, default=0.05, help="share of the plans that is validated on")
    add("--mosaic", type=float, default=0.15, help="share of the pictures put together from four")
    add("--close-mosaic", type=float, default=0.3, help="share of the run, at its end, without")
    add("--scale", type=float, default=0.5)
    add("--translate", type=float, default=0.1)
    add("--degrees", type=float, default=1.0, help="slight rotation, at most 3")
    add("--shear", type=float, default=1.0, help="degrees, at most 3")
    add("--turns", type=float, default=0.5, help="share of the pictures turned by quarter turns")
    add("--degrade", type=float, default=0.0, help="share of the pictures that is degraded")
    add(
        "--ignore-unlabeled-above",
        type=float,
        default=1.0,
        metavar="CONFIDENCE",
        help="do not punish such findings where no room is labeled; for incomplete labels",
    )
    add("--validate-minutes", type=float, default=0.0, help="validate no more often than this")
    add("--workers", type=int, default=2, help="loading processes")
    add("--threads", type=int, default=os.cpu_count() or 1)
    add("--device", default="cpu", choices=("cpu", "cuda"))
    args = parser.parse_args(argv)
    if args.lr is None:
        args.lr = SCRATCH_LR if args.start in SIZES else FINE_TUNING_LR
    _check(args, parser)
    return args


def _check(args: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    _check_ranges(args, parser)
    if args.input_px % 32:
        parser.error("--input-px is a multiple of 32")
    if not 0 < args.held_out < 1:
        parser.error("--held-out is greater than 0 and below 1")
    if max(abs(args.degrees), abs(args.shear)) > LARGEST_ANGLE_DEG:
        parser.error(f"--degrees and --shear are at most {LARGEST_ANGLE_DEG:g}")
    if args.start not in SIZES and not Path(args.start).is_file():
        parser.error(f"--start: there is no {args.start}")


def _check_ranges(args: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    for name in ("minutes", "input_px", "batch", "lr", "threads"):
        if not 0 < getattr(args, name) < float("inf"):
            parser.error(f"--{name.replace('_', '-')} is greater than 0")
    for name in SHARES:
        if not 0 <= getattr(args, name) <= 1:
            parser.error(f"--{name.replace('_', '-')} is from 0 to 1")


def ultralytics_settings(args: argparse.Namespace) -> dict[str, Any]:
    """Settings in ultralytics' words."""
    return {
        "task": "detect",
        "mode": "train",
        "model": f"{args.start}.yaml" if args.start in SIZES else args.start,
        "data": "room",
        "imgsz": args.input_px,
        "batch": args.batch,
        "nbs": args.batch,  # one step of the optimizer per batch
        "lr0": args.lr,
        "optimizer": "AdamW",
        "momentum": 0.9,  # AdamW's first beta
        "weight_decay": args.weight_decay,
        "seed": args.seed,
        "deterministic": False,
        "device": "cpu" if args.device == "cpu" else "0",  # the first GPU
        "amp": False,  # its automatic mixed precision is for GPUs; ours is in the loop
        "save_dir": str(args.out),
        "exist_ok": True,
        "single_cls": True,
        "plots": False,
        "verbose": False,
        "mosaic": args.mosaic,
        "scale": args.scale,
        "translate": args.translate,
        "degrees": args.degrees,
        "shear": args.shear,
        "fliplr": 0.5,
        "flipud": 0.5,
        "hsv_h": 0.01,
        "hsv_s": 0.3,
        "hsv_v": 0.2,
        "mixup": 0.0,
    }
