# SPDX-License-Identifier: AGPL-3.0-or-later
"""``roomdet compare A B FILE… | FOLDER``: what two servers or versions answer differently."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roomdet_client.answers import Detection
from roomdet_client.changes import Changes, find_changes
from roomdet_client.commands.detect import page_range
from roomdet_client.commands.target import (
    add_asking_arguments,
    add_option_arguments,
    open_client,
    options_of,
)
from roomdet_client.console import Progress, say, show, table
from roomdet_client.errors import ClientError, PlanUnreadable
from roomdet_client.exports import page_suffix
from roomdet_client.inputs import Stems, find_files
from roomdet_client.runs import FATAL, Job, ask_all, error_document, jobs_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from roomdet_client.client import RoomClient
    from roomdet_client.inputs import InputFile

_DIFFERENT = 3
_TARGET = "http://HOST:PORT, with /predictions/rooms/VERSION for one version, or an endpoint's name"
_SIDE_PX = 2000
# Only in A, only in B, in both and different (Okabe and Ito, as in drawings), and the same.
_ORANGE, _BLUE, _VIOLET, _GRAY = "#b34e00", "#0072b2", "#a0457a", "#808080"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Status: 0 nothing is different, 3 something is, 1 a page has no answer from either."
    )
    parser.add_argument("a", metavar="A", help=_TARGET)
    parser.add_argument("b", metavar="B", help="the same")
    parser.add_argument("inputs", nargs="+", metavar="FILE|FOLDER", type=Path,
                        help="pictures and PDFs; of folders all that are below")  # fmt: skip
    parser.add_argument("--pages", default="all", type=page_range, metavar="1,3-5",
                        help="of PDFs and TIFFs; default all")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print a line of JSON a page")
    parser.add_argument("-o", "--out", type=Path, metavar="FOLDER",
                        help="draw each page that is different: orange only A, blue only B, violet "
                        "both but different, gray the same")  # fmt: skip
    add_option_arguments(parser)
    add_asking_arguments(parser.add_argument_group("how to ask"))


@dataclass(frozen=True)
class Both:
    """What both said of a page: an answer, or why there is none."""

    a: Detection | ClientError
    b: Detection | ClientError

    def changes(self) -> Changes | None:
        """What is different; None where one has no answer."""
        if isinstance(self.a, Detection) and isinstance(self.b, Detection):
            return find_changes(self.a.rooms, self.b.rooms)
        return None

    @property
    def is_different(self) -> bool:
        """Whether answers differ, or only one has one."""
        changes = self.changes()
        if changes is not None:
            return changes.any
        return isinstance(self.a, Detection) != isinstance(self.b, Detection)


def run(args: argparse.Namespace) -> int:
    """Ask both for all pages, print what is different."""
    files = find_files(args.inputs, [args.out] if args.out else [])
    options, stems = options_of(args), Stems()
    found: list[tuple[Job, Both]] = []
    unanswered = 0
    with (
        open_client(args, args.a) as a,
        open_client(args, args.b) as b,
        Progress(len(files)) as progress,
    ):
        ask = partial(_ask_both, a, b, options)
        for outcome in ask_all(_jobs(args, files, progress), ask, args.jobs):
            both = outcome.answer
            if both is None:
                raise outcome.error or PlanUnreadable(f"{outcome.job.file.name} has no answer")
            found.append((outcome.job, both))
            for name, answer in (("A", both.a), ("B", both.b)):
                if isinstance(answer, ClientError):
                    say(f"{outcome.job.file.name}, page {outcome.job.page}, {name}: {answer}")
            changes = both.changes()
            unanswered += changes is None and not both.is_different
            if args.json:
                show(json.dumps(_document(outcome.job, both), ensure_ascii=False))
            if args.out and changes is not None and changes.any:
                _draw(outcome.job, changes, args.out, stems)
            progress.step(0, unanswered)
    if not args.json:
        show(_table(found, with_names="name" in options.get("include", ())))
    different = sum(both.is_different for _, both in found)
    say(f"{different} of {len(found)} pages are different")
    return 1 if unanswered or not found else _DIFFERENT if different else 0


def _ask_both(a: RoomClient, b: RoomClient, options: dict[str, Any], job: Job) -> Both:
    return Both(*(_ask(client, options, job) for client in (a, b)))


def _ask(client: RoomClient, options: dict[str, Any], job: Job) -> Detection | ClientError:
    try:
        return client.detect(job.plan, page=job.page, **options)
    except FATAL:
        raise
    except ClientError as err:
        return err


def _jobs(
    args: argparse.Namespace, files: Sequence[InputFile], progress: Progress
) -> Iterator[Job]:
    for file in files:
        try:
            jobs = jobs_of(file, args.pages)
        except PlanUnreadable as err:
            say(f"{file.name}: {err}")
            progress.expect(-1)
            continue
        progress.expect(len(jobs) - 1)
        yield from jobs


def _document(job: Job, both: Both) -> dict[str, Any]:
    head: dict[str, Any] = {"file": job.file.name, "page": job.page}
    changes = both.changes()
    if changes is not None:
        return {**head, "different": changes.any, **changes.as_json()}
    said = {
        name: answer.as_json() if isinstance(answer, Detection) else error_document(answer)
        for name, answer in (("a", both.a), ("b", both.b))
    }
    return {**head, "different": both.is_different, **said}


def _table(found: Sequence[tuple[Job, Both]], *, with_names: bool) -> str:
    """The pages that are different, and the sum of all."""
    head = ("file", "page", "rooms A", "rooms B", "same", "moved", "confidence", "only A",
            "only B", *["renamed"] * with_names, "ms A", "ms B")  # fmt: skip
    counted = [_counts(both, with_names=with_names) for _, both in found]
    rows = [
        (job.file.name, job.page, *counts) for (job, _), counts in zip(found, counted, strict=True)
    ]
    numbers = [
        sum(value for value in column if isinstance(value, int))
        for column in zip(*counted, strict=True)
    ]
    shown = [row for row, (_, both) in zip(rows, found, strict=True)
             if both.is_different or both.changes() is None]  # fmt: skip
    return table(head, [*shown, (f"all {len(rows)} pages", "", *numbers)])


def _counts(both: Both, *, with_names: bool) -> list[int | str]:
    rooms: list[int | str] = []
    times: list[int | str] = []
    for answer in (both.a, both.b):
        rooms.append(len(answer.rooms) if isinstance(answer, Detection) else "error")
        times.append(answer.processing_time_ms if isinstance(answer, Detection) else "")
    changes = both.changes()
    if changes is None:
        return [*rooms, *[""] * (5 + with_names), *times]
    kinds = (changes.same, changes.moved, changes.doubted, changes.only_a, changes.only_b)
    names = [len(changes.renamed)] * with_names
    return [*rooms, *map(len, kinds), *names, *times]


def _draw(job: Job, changes: Changes, folder: Path, stems: Stems) -> None:
    from roomdet_client.drawing import draw_boxes  # noqa: PLC0415  # only where it is asked for

    renamed = {one.id: f"{one.name_hint} / {other.name_hint}" for one, other in changes.renamed}
    drawn = [
        *((one, _VIOLET if one.id in renamed else _GRAY, renamed.get(one.id, ""))
          for one, _ in changes.same),
        *((other, _VIOLET, f"{one.confidence:.2f} {other.confidence:.2f}")
          for one, other in (*changes.moved, *changes.doubted)),
        *((room, _ORANGE, f"A {room.confidence:.2f}") for room in changes.only_a),
        *((room, _BLUE, f"B {room.confidence:.2f}") for room in changes.only_b),
    ]  # fmt: skip
    picture = draw_boxes(
        job.plan.render(job.page, _SIDE_PX),
        [room.box_xyxy_grid for room, _, _ in drawn],
        [color for _, color, _ in drawn],
        [label for _, _, label in drawn],
    )
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{stems.of(job.file.name)}{page_suffix(job.page, job.page_count)}"
    picture.save(folder / f"{stem}.png")
