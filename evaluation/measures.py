# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is measured on a set, and the pictures that are drawn of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.drawings import PLAN_PX, SHEET_PX, best_and_worst, choose, write_drawings
from evaluation.figures import THRESHOLD, figures, recall_by_size
from evaluation.sets import Kind
from evaluation.sheets import MAX_ROOMS, near_labels
from plans.plan_sets import evenly_thinned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evaluation.corruptions import Corruption
    from evaluation.scoring import EvalResult
    from evaluation.served import Asking, Server
    from evaluation.sets import LabeledSet
    from plans.plan_sets import Sample

SHEETS_DRAWN = 3  # of the best, and of the worst


@dataclass(frozen=True, slots=True)
class Drawings:
    """Which pictures are drawn, of each set of plans; of sheets always the best and the worst.

    Attributes:
        folder: Where the drawings go.
        examples: Pictures chosen at random.
        worst: Pictures with the lowest F1.
        seed: Of the random ones.
    """

    folder: Path
    examples: int
    worst: int
    seed: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is measured on each set.

    Attributes:
        asking: Options of every request; sheets are asked for more rooms.
        concurrency: Requests at once; sheets are asked for one at a time.
        corruptions: Ways to corrupt plans; clean pages are always judged, sheets only clean.
        corrupted_pictures: At most so many pictures of a set are corrupted.
        drawings: None draws nothing.
    """

    asking: Asking
    concurrency: int
    corruptions: tuple[Corruption, ...]
    corrupted_pictures: int
    drawings: Drawings | None

    def run(self, labeled: LabeledSet, server: Server) -> dict[str, Any]:
        """Measure one set; figures by name (:mod:`reporting.report` reads them).

        Args:
            labeled: The set.
            server: One that answered nothing else, if its memory is to be that of the set.

        Raises:
            AskError: If a picture is not answered.
            ValueError: If no picture has a room.
        """
        _say(f"{labeled.name}: {len(labeled.pictures)} pictures …")
        of_kind = self._plans if labeled.kind == Kind.PLANS else self._sheets
        return {
            "kind": labeled.kind,
            "pictures": len(labeled.pictures),
            "rooms": sum(len(picture.boxes_xyxyn) for picture in labeled.pictures),
            **of_kind(labeled, server),
        }

    def _plans(self, labeled: LabeledSet, server: Server) -> dict[str, Any]:
        clean = self._judge_plans(labeled.pictures, server, None)
        self._draw(labeled, clean)
        report: dict[str, Any] = {"clean": figures(clean)}
        if self.corruptions:
            chosen = evenly_thinned(labeled.pictures, self.corrupted_pictures)
            names = {picture.path.name for picture in chosen}
            report["subset"] = {
                "pictures": len(chosen),
                "clean": figures([judged for judged in clean if judged.name in names]),
                "corrupted": {},
            }
            for corruption in self.corruptions:
                _say(f"{labeled.name}: {corruption.name} …")
                corrupted = figures(self._judge_plans(chosen, server, corruption))
                report["subset"]["corrupted"][corruption.name] = corrupted
        return report

    def _judge_plans(
        self, pictures: Sequence[Sample], server: Server, corruption: Corruption | None
    ) -> list[EvalResult]:
        answered = server.ask(
            pictures, self.asking, concurrency=self.concurrency, corruption=corruption
        )
        return [one.judged for one in answered]

    def _sheets(self, labeled: LabeledSet, server: Server) -> dict[str, Any]:
        asking = replace(self.asking, max_rooms=MAX_ROOMS)
        answered = server.ask(labeled.pictures, asking, concurrency=1)
        judged = [one.judged for one in answered]
        if labeled.kind == Kind.PARTIAL_SHEETS:
            judged = [near_labels(picture) for picture in judged]
        self._draw(labeled, judged)
        median_s, p95_s = np.percentile([one.seconds for one in answered], [50, 95]).tolist()
        report: dict[str, Any] = {
            "clean": figures(judged, MAX_ROOMS),
            "recall_by_size": recall_by_size(judged),
            "seconds": {"median": round(median_s, 3), "p95": round(p95_s, 3)},
        }
        if server.memory:
            report["peak_over_idle_mb"] = round(server.memory.over_idle_mb())
        return report

    def _draw(self, labeled: LabeledSet, judged: Sequence[EvalResult]) -> None:
        if not (wanted := self.drawings):
            return
        if labeled.kind == Kind.PLANS:
            longest_px = PLAN_PX
            chosen = choose(
                judged,
                examples=wanted.examples,
                worst=wanted.worst,
                seed=wanted.seed,
                threshold=THRESHOLD,
            )
        else:
            longest_px = SHEET_PX
            chosen = best_and_worst(judged, SHEETS_DRAWN, threshold=THRESHOLD)
        write_drawings(
            wanted.folder / labeled.name,
            labeled.pictures,
            judged,
            chosen,
            threshold=THRESHOLD,
            longest_px=longest_px,
        )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
