# SPDX-License-Identifier: AGPL-3.0-or-later
"""Draw, train and export one variant, in programs of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.errors import TrainError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.ablation.variants import Variant

FIRST_SEED, SEEDS_OF_A_RUN = 500_000, 100_000
# So small a share of the plans that a single one is held out: all variants train on as many
# pictures, and no time goes to validation.
ONE_HELD_OUT = 1e-9
KEPT = ("training_pictures", "epochs", "steps", "elapsed_s", "end_sha256")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What all variants have in common, and what decides their figures.

    Attributes:
        count: Blueprints of each variant.
        epochs: How often each of them is trained on; the learning rate follows them.
        px: Side of the network's input.
        batch: Pictures a step.
    """

    count: int
    epochs: int
    px: int
    batch: int


@dataclass(frozen=True, slots=True)
class Means:
    """What decides nothing but how long it takes.

    Attributes:
        layouts: Measured layouts, if there are any.
        minutes: Far more than the training of a variant takes; it ends by epochs.
        threads: Of the training and of drawing.
    """

    layouts: Path | None
    minutes: float
    threads: int


@dataclass(frozen=True, slots=True)
class Kitchen:
    """Makes the network of a variant; a stopped run goes on where it was.

    Attributes:
        recipe: Of all variants.
        means: Of all variants.
        run: Runs ``python -m MODULE OPTION…`` and raises if it fails.
    """

    recipe: Recipe
    means: Means
    run: Callable[..., None]

    def make(self, variant: Variant, folder: Path) -> dict[str, object]:
        """Draw, train and export into ``folder/network``; returns what the training tells.

        Raises:
            TrainError: If the minutes were over before the epochs.
            subprocess.CalledProcessError: If a program fails or is stopped.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._draw(variant, folder)
        recipe, means = self.recipe, self.means
        self.run(
            "training.train",
            *("--data", str(folder / "plans"), "--out", str(folder / "run"), "--start", "yolov8n"),
            *("--epochs", str(recipe.epochs), "--minutes", str(means.minutes)),
            *("--validate-minutes", str(means.minutes), "--held-out", str(ONE_HELD_OUT)),
            *("--input-px", str(recipe.px), "--batch", str(recipe.batch)),
            *("--mosaic", "1", "--close-mosaic", "0.1"),
            *("--seed", str(variant.run), "--threads", str(means.threads)),
        )
        told = json.loads((folder / "run" / "run.json").read_text("utf-8"))
        if told["epochs"] != recipe.epochs:
            raise TrainError(
                f"{variant.name}: {means.minutes:g} minutes were over after {told['epochs']} of "
                f"{recipe.epochs} epochs; remove {folder / 'run'} and allow more --minutes"
            )
        self.run(
            "training.export",
            *(str(folder / "run" / "rooms.pt"), "--out", str(folder / "network")),
            *("--input-px", str(recipe.px), "--allow-no-rooms"),
        )
        return {key: told[key] for key in KEPT}

    def _draw(self, variant: Variant, folder: Path) -> None:
        """Draw the plan set, unless it is there."""
        layouts = ("--layouts", str(self.means.layouts)) if self.means.layouts else ()
        options = (
            *("--count", str(self.recipe.count), *layouts),
            *("--seed", str(FIRST_SEED + variant.run * SEEDS_OF_A_RUN), *variant.options),
        )
        plans, drawn = folder / "plans", folder / "drawn.json"
        if drawn.exists() and json.loads(drawn.read_text("utf-8")) == list(options):
            return
        drawn.unlink(missing_ok=True)
        shutil.rmtree(plans, ignore_errors=True)
        workers = ("--workers", str(self.means.threads))
        self.run("training.synth", "--out", str(plans), *workers, *options)
        drawn.write_text(json.dumps(options) + "\n", encoding="utf-8")


def run_module(module: str, *options: str) -> None:
    """Run a program of ours, and its own processes, to its end or to ours.

    Raises:
        subprocess.CalledProcessError: If it does not end with 0.
    """
    command = [sys.executable, "-m", module, *options]
    process = subprocess.Popen(command, process_group=0)
    try:
        status = process.wait()
    except BaseException:  # a signal: the training saves and stops
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise
    if status:
        raise subprocess.CalledProcessError(status, command)
