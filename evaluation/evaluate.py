# SPDX-License-Identifier: AGPL-3.0-or-later
"""Measure what a server finds on labeled plans, clean and corrupted, and on sheets.

``python -m evaluation.evaluate --set cubicasa=DIR:cubicasa- --set r3d=DIR:r3d- --out metrics.json``
starts TorchServe with the archive, posts every picture, and prints COCO AP (maxDets 300), AR, and
precision, recall and F1 at the default threshold. ``--set floors=DIR@sheets`` is a set of sheets,
:class:`evaluation.sets.Kind` says what that means; ``--mosaics 4 9`` makes sheets of the sets.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archive.pack import ARCHIVE_MANIFEST, content_digest
from evaluation.corruptions import SEED, SIDE_PX, Corruption, select
from evaluation.figures import THRESHOLD
from evaluation.measures import Drawings, Evaluation
from evaluation.scoring import MATCH_IOU
from evaluation.served import AskError, Asking, Memory, Server
from evaluation.sets import Kind, LabeledSet, mosaic_set, parse_set, read_set
from evaluation.sheets import MARGIN, MAX_ROOMS, TITLE_STRIP_XY
from plans.errors import DataError
from reporting import machine
from reporting.report import FORMAT, as_text
from roomdet import network
from serving.errors import LocalServerError
from serving.server import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_ARCHIVE = Path("model_store/rooms.mar")
CORRUPTED_PICTURES = 60


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
def running(url: str | None, archive: Path) -> Iterator[Server]:
    """A server that is ready.

    Args:
        url: A server that runs already; None starts one.
        archive: What is served if no address is given.

    Raises:
        LocalServerError: If the server does not start.
    """
    if url:
        yield Server(url)
        return
    with serve(archive) as local:
        print(f"Starting TorchServe with {archive} …", file=sys.stderr, flush=True)
        local.wait_ready()
        yield Server(local.url, Memory.of_idle(local.process.pid))


def read_sets(args: argparse.Namespace, folder: Path) -> list[LabeledSet]:
    """All sets that the command line names, each of plans followed by its mosaics.

    Args:
        args: The command line.
        folder: Where mosaics are written.

    Raises:
        DataError: If one has no picture, or a label is missing or malformed.
    """
    sets = []
    for named in args.sets:
        sets.append(read_set(named, args.limit))
        for count in args.mosaics if named.kind == Kind.PLANS else ():
            print(f"{named.name}: drawing sheets of {count} …", file=sys.stderr, flush=True)
            if (sheets := mosaic_set(named, count, folder, args.limit)).pictures:
                sets.append(sheets)
            else:
                print(f"{named.name}: too few plans for a sheet of {count}", file=sys.stderr)
    return sets


def evaluate(args: argparse.Namespace) -> dict[str, Any]:
    """Measure all sets and return the report (docs of its keys: :mod:`reporting.report`)."""
    drawings = (
        Drawings(args.drawings, args.examples, args.worst, args.seed) if args.drawings else None
    )
    asking = Asking(iou=args.iou)
    results: dict[str, Any] = {}
    evaluation = Evaluation(
        asking, args.concurrency, args.corruptions, args.corrupted_pictures, drawings
    )
    with tempfile.TemporaryDirectory(prefix="mosaics-") as folder:
        sets = read_sets(args, Path(folder))
        for labeled in sets:  # each by a server of its own, which holds nothing of the others
            with running(args.url, args.archive) as server:
                results[labeled.name] = evaluation.run(labeled, server)
    return {
        "format": FORMAT,
        "model": {"url": args.url} if args.url else describe_archive(args.archive),
        "settings": asdict(asking)
        | {
            "threshold": THRESHOLD,
            "match_iou": MATCH_IOU,
            "sheet_max_rooms": MAX_ROOMS,
            "near_labels": {"margin": MARGIN, "title_strip_xy": TITLE_STRIP_XY},
            "corruption_side_px": SIDE_PX,
            "corruption_seed": SEED,
            "limit": args.limit,
        },
        "corruptions": {corruption.name: corruption.strength for corruption in args.corruptions},
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


def _square(text: str) -> int:
    number = _positive(text)
    if math.isqrt(number) ** 2 != number:
        raise argparse.ArgumentTypeError(f"{number} plans are not as many rows as columns")
    return number


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.evaluate", description=__doc__)
    parser.add_argument(
        "--set", dest="sets", action="append", type=parse_set, required=True,
        metavar="NAME=DIR[:PREFIX][@KIND]",
        help="a plan set, or its pictures whose names start so; @sheets, or @partial-sheets where "
        "only a part is labeled: one at a time, up to 1000 rooms, with seconds and memory",
    )  # fmt: skip
    parser.add_argument(
        "--mosaics", type=_square, nargs="+", default=[], metavar="PLANS",
        help="also sheets of 4, 9, 16 … plans of each set that is none of sheets",
    )  # fmt: skip
    parser.add_argument("--url", help="a running server; its own is started otherwise")
    parser.add_argument("--archive", type=Path, default=DEFAULT_ARCHIVE)
    parser.add_argument(
        "--corruptions", type=_corruptions, default="all", help="all, none, or names: blur-1,jpeg"
    )
    parser.add_argument(
        "--corrupted-pictures", type=_positive, default=CORRUPTED_PICTURES,
        help="corrupt every k-th picture, so that at most so many of a set are",
    )  # fmt: skip
    parser.add_argument("--iou", type=float, default=Asking().iou, help="of suppression")
    parser.add_argument("--limit", type=_positive, help="judge every k-th picture, at most so many")
    parser.add_argument("--concurrency", type=_positive, default=2, help="requests at once")
    parser.add_argument("--out", type=Path, help="JSON with everything")
    parser.add_argument("--drawings", type=Path, help="folder for pictures with their rooms")
    parser.add_argument("--examples", type=int, default=12, help="drawn at random, of each set")
    parser.add_argument("--worst", type=int, default=6, help="drawn for their F1, of each set")
    parser.add_argument("--seed", type=int, default=1, help="of the random drawings")
    args = parser.parse_args(argv)
    if len({named.name for named in args.sets}) < len(args.sets):
        parser.error("each set needs a name of its own")
    return args


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


if __name__ == "__main__":
    sys.exit(main())
