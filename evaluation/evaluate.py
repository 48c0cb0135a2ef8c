# SPDX-License-Identifier: AGPL-3.0-or-later
"""Measure what a server finds on labeled plans, clean and spoilt.

``python -m evaluation.evaluate --set cubicasa=DIR:cubicasa- --set r3d=DIR:r3d- --out metrics.json``
starts TorchServe with the archive, posts every picture, and prints COCO AP (maxDets 300), AR, and
precision, recall and F1 at the default threshold.
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.local.server import LocalServerError, serve
from evaluation.corruptions import SEED, SIDE_PX, Corruption, select
from evaluation.drawings import choose, write_drawings
from evaluation.figures import THRESHOLD, figures
from evaluation.scoring import MATCH_IOU, Judged
from evaluation.served import AskError, Asking, Server
from reporting import machine
from reporting.report import FORMAT, as_text
from roomdet import network
from training.errors import DataError
from training.pack import ARCHIVE_MANIFEST, content_digest
from training.plan_sets import PlanPicture, evenly_thinned, named_set, read_plan_set

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEFAULT_ARCHIVE = Path("model_store/rooms.mar")
CORRUPTED_PICTURES = 60


@dataclass(frozen=True, slots=True)
class Drawings:
    """Which pictures are drawn, of each set.

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
        corruptions: Ways to spoil pages; clean pictures are always judged.
        corrupted_pictures: At most so many pictures of a set are spoilt.
        drawings: None draws nothing.
    """

    corruptions: tuple[Corruption, ...]
    corrupted_pictures: int
    drawings: Drawings | None

    def run(self, name: str, pictures: Sequence[PlanPicture], server: Server) -> dict[str, Any]:
        """Measure one set; figures by name, 0 to 1.

        Raises:
            AskError: If a picture is not answered.
            ValueError: If no picture has a room.
        """
        _say(f"{name}: {len(pictures)} pictures …")
        clean = server.judge(pictures, None)
        report: dict[str, Any] = {
            "pictures": len(pictures),
            "rooms": sum(len(picture.boxes_xyxy_norm) for picture in pictures),
            "clean": figures(clean),
        }
        if self.drawings:
            self._draw(self.drawings, name, pictures, clean)
        if self.corruptions:
            chosen = evenly_thinned(pictures, self.corrupted_pictures)
            names = {picture.path.name for picture in chosen}
            report["subset"] = {
                "pictures": len(chosen),
                "clean": figures([judged for judged in clean if judged.name in names]),
                "spoilt": {},
            }
            for spoil in self.corruptions:
                _say(f"{name}: {spoil.name} …")
                report["subset"]["spoilt"][spoil.name] = figures(server.judge(chosen, spoil))
        return report

    @staticmethod
    def _draw(
        wanted: Drawings, name: str, pictures: Sequence[PlanPicture], judged: Sequence[Judged]
    ) -> None:
        chosen = choose(
            judged,
            examples=wanted.examples,
            worst=wanted.worst,
            seed=wanted.seed,
            threshold=THRESHOLD,
        )
        write_drawings(wanted.folder / name, pictures, judged, chosen, threshold=THRESHOLD)


def describe_archive(archive: Path) -> dict[str, object]:
    """Which model an archive holds: version, digests, and how it was exported."""
    with zipfile.ZipFile(archive) as content:
        packed = json.loads(content.read(ARCHIVE_MANIFEST))
        exported = json.loads(content.read(network.MANIFEST))
    return {
        "version": packed["model"]["modelVersion"],
        "archive_content_sha256": content_digest(archive),
        "checkpoint_sha256": exported["checkpoint_sha256"],
        "exported_with": exported["exported_with"],
        "network_sha256": exported["files"][network.WEIGHTS],
    }


@contextmanager
def running(url: str | None, archive: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """Address of a server that is ready, and what is known of its model.

    Args:
        url: A server that runs already; None starts one.
        archive: What is served if no address is given.

    Raises:
        LocalServerError: If the server does not start.
    """
    if url:
        yield url, {"url": url}
        return
    with serve(archive) as server:
        _say(f"Starting TorchServe with {archive} …")
        server.wait_ready()
        yield server.url, describe_archive(archive)


def evaluate(args: argparse.Namespace) -> dict[str, Any]:
    """Measure all sets and return the report (docs of its keys: :mod:`reporting.report`)."""
    sets = {name: read_plan_set(folder, prefix) for name, folder, prefix in args.sets}
    if args.limit:
        sets = {name: evenly_thinned(pictures, args.limit) for name, pictures in sets.items()}
    drawings = (
        Drawings(args.drawings, args.examples, args.worst, args.seed) if args.drawings else None
    )
    evaluation = Evaluation(args.corruptions, args.corrupted_pictures, drawings)
    asking = Asking(iou=args.iou)
    with running(args.url, args.archive) as (url, model):
        server = Server(url, asking, args.concurrency)
        results = {name: evaluation.run(name, sets[name], server) for name in sets}
    return {
        "format": FORMAT,
        "model": model,
        "settings": asdict(asking)
        | {
            "threshold": THRESHOLD,
            "match_iou": MATCH_IOU,
            "corruption_side_px": SIDE_PX,
            "corruption_seed": SEED,
            "limit": args.limit,
        },
        "corruptions": {spoil.name: spoil.strength for spoil in args.corruptions},
        "machine": machine.describe(),
        "sets": results,
    }


def _corruptions(text: str) -> tuple[Corruption, ...]:
    try:
        return select(text)
    except ValueError as err:
        raise argparse.ArgumentTypeError(str(err)) from err


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is below 1")
    return number


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.evaluate", description=__doc__)
    parser.add_argument(
        "--set", dest="sets", action="append", type=named_set, required=True,
        metavar="NAME=DIR[:PREFIX]", help="a plan set, or its pictures whose names start so",
    )  # fmt: skip
    parser.add_argument("--url", help="a running server; its own is started otherwise")
    parser.add_argument("--archive", type=Path, default=DEFAULT_ARCHIVE)
    parser.add_argument(
        "--corruptions", type=_corruptions, default="all", help="all, none, or names: blur-1,jpeg"
    )
    parser.add_argument(
        "--corrupted-pictures", type=_positive, default=CORRUPTED_PICTURES,
        help="spoil every k-th picture, so that at most so many of a set are",
    )  # fmt: skip
    parser.add_argument("--iou", type=float, default=Asking().iou, help="of suppression")
    parser.add_argument("--limit", type=_positive, help="judge every k-th picture, at most so many")
    parser.add_argument("--concurrency", type=_positive, default=2, help="requests at once")
    parser.add_argument("--out", type=Path, help="JSON with everything")
    parser.add_argument("--drawings", type=Path, help="folder for pictures with their rooms")
    parser.add_argument("--examples", type=int, default=12, help="drawn at random, of each set")
    parser.add_argument("--worst", type=int, default=6, help="drawn for their F1, of each set")
    parser.add_argument("--seed", type=int, default=1, help="of the random drawings")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 when everything was measured, 1 when it could not be."""
    args = parse_arguments(argv)
    try:
        report = evaluate(args)
    except (DataError, AskError, LocalServerError, ValueError) as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(as_text(report))
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
