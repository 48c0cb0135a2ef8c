# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a training run tells and keeps: its clock, lines for people, metrics.json, curves.png."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import torch

from training.record import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from training.schedule import Position

mpl.use("Agg")  # draws files, needs no screen
from matplotlib import pyplot as plt

LOG_S = 30.0
CURVES = (
    ("mAP50", "mAP50"),
    ("mAP50-95", "mAP50-95"),
    ("train/cls_loss", "training loss, class"),
    ("val/cls_loss", "held-out loss, class"),
    ("train/box_loss", "training loss, box"),
    ("lr", "learning rate"),
)


class Progress:
    """Clock and record of one run, over all its parts.

    Args:
        folder: Where ``metrics.json``, ``curves.png`` and the checkpoint lie.
        fingerprint: What must be equal for a run to be resumed.
        clock: Seconds since this part of the run began.
    """

    def __init__(self, folder: Path, fingerprint: str, clock: Callable[[], float]) -> None:
        self.folder = folder
        self.fingerprint = fingerprint
        self.checkpoint = folder / "last.pt"
        self.rows: list[dict[str, float]] = []
        self.last_validated = -1
        self._clock = clock
        self._before_s = 0.0
        self._losses: dict[str, float] = {}
        self._epoch_pictures = 0
        self._begin_line()

    def elapsed_s(self) -> float:
        """Seconds spent on the run, without the time between its parts."""
        return self._clock() + self._before_s

    def say(self, text: str) -> None:
        """Print a line with the time spent."""
        print(f"[{self.elapsed_s() / 60:6.1f} min] {text}", flush=True)

    def resumed_fingerprint(self) -> str:
        """The fingerprint in the checkpoint, which must be there."""
        state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        return str(state["run"])

    def resume(self, elapsed_s: float, epoch: int) -> None:
        """Go on with an earlier part's clock and record."""
        self._before_s = elapsed_s
        path = self.folder / "metrics.json"
        rows = json.loads(path.read_text()) if path.exists() else []
        self.rows = [row for row in rows if row["epoch"] <= epoch]
        self.last_validated = int(self.rows[-1]["epoch"]) if self.rows else -1
        self._begin_line()

    # -- during an epoch --------------------------------------------------------------------

    def begin_epoch(self) -> None:
        """Forget the sums of the last epoch."""
        self._losses, self._epoch_pictures = {}, 0
        self._begin_line()

    def step(
        self,
        position: Position,
        share: float,
        pictures: int,
        losses: Mapping[str, Any],
        learning_rate: float,
    ) -> None:
        """Count a step, and print a line every half minute."""
        self._epoch_pictures += pictures
        self._line_pictures += pictures
        for name, value in losses.items():
            self._losses[name] = self._losses.get(name, 0.0) + float(value) * pictures
        took_s = self._clock() - self._line_began
        if took_s >= LOG_S:
            means = ", ".join(f"{name} {value:.3f}" for name, value in self._means().items())
            self.say(
                f"epoch {position.epoch + 1}, {share:.1%} of the run, "
                f"{self._line_pictures / took_s:.1f} pictures/s, {means}, lr {learning_rate:.2e}"
            )
            self._begin_line()

    def _begin_line(self) -> None:
        self._line_began, self._line_pictures = self._clock(), 0

    def _means(self) -> dict[str, float]:
        return {name: value / self._epoch_pictures for name, value in self._losses.items()}

    # -- after an epoch ---------------------------------------------------------------------

    def record(
        self, position: Position, share: float, metrics: Mapping[str, Any], learning_rate: float
    ) -> None:
        """Append a validation to metrics.json, draw the curves and print a line."""
        row = {
            "epoch": position.epoch,
            "steps": position.steps,
            "elapsed_s": round(self.elapsed_s(), 1),
            "share": round(share, 4),
            "lr": learning_rate,
        }
        row |= {f"train/{name}": round(value, 5) for name, value in self._means().items()}
        for name, value in metrics.items():
            row[name.removeprefix("metrics/").removesuffix("(B)")] = round(float(value), 5)
        self.rows.append(row)
        self.last_validated = position.epoch
        write_atomically(self.folder / "metrics.json", json.dumps(self.rows, indent=1) + "\n")
        self._draw()
        self.say(
            f"after epoch {position.epoch}: mAP50 {row['mAP50']:.3f}, "
            f"mAP50-95 {row['mAP50-95']:.3f} on the held-out plans"
        )
        self._begin_line()

    def _draw(self) -> None:
        figure, axes = plt.subplots(2, 3, figsize=(12, 6), layout="constrained")
        for axis, (key, title) in zip(axes.flat, CURVES, strict=True):
            points = [(row["epoch"], row[key]) for row in self.rows if key in row]
            axis.plot([x for x, _ in points], [y for _, y in points], marker=".")
            axis.set(title=title, xlabel="epoch")
        figure.savefig(self.folder / "curves.png")
        plt.close(figure)
