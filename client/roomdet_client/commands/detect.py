# SPDX-License-Identifier: AGPL-3.0-or-later
"""``roomdet detect FILE… | FOLDER``: the rooms of many plans, printed or written."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from roomdet_client.cli import BadUsage
from roomdet_client.commands.target import (
    add_option_arguments,
    add_target_arguments,
    open_client,
    options_of,
)
from roomdet_client.console import Progress, say, show, table
from roomdet_client.errors import ClientError, PlanUnreadable
from roomdet_client.exports import FORMATS, page_suffix
from roomdet_client.http_transport import NothingListens
from roomdet_client.inputs import InputFile, Stems, find_files
from roomdet_client.runs import (
    FATAL,
    Job,
    Outcome,
    Record,
    State,
    ask_all,
    error_document,
    fingerprint,
    jobs_of,
)
from roomdet_client.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from roomdet_client.answers import Detection
    from roomdet_client.client import RoomClient
    from roomdet_client.exports import ExportPage, Format

_PRINTED = ("json", "csv", "coco", "cvat", "geojson", "svg")
# Columns of the summary where they were asked for: how many rooms have one.
_COUNTED = {"named": "name_hint", "outlined": "polygon", "measured": "area"}
_MOST_ROWS = 40  # of the summary; beyond them only failures are listed
_MANY = 10  # pages, whose sets take seconds to write
_DRAWINGS = (".png", ".jpg", ".jpeg", ".webp")
# Pillow's limit is for servers that strangers send pictures to; these are the user's own files.
_MAX_PIXELS = 600_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("inputs", nargs="+", metavar="FILE|FOLDER", type=Path,
                        help="pictures and PDFs; of folders all that are below")  # fmt: skip
    parser.add_argument("--pages", default="all", type=page_range, metavar="1,3-5",
                        help="of PDFs and TIFFs; default all")  # fmt: skip
    parser.add_argument("--format", action="append", dest="formats", choices=list(FORMATS),
                        metavar="FORMAT", help="one or several of "
                        + "; ".join(f"{item.name}: {item.about}" for item in FORMATS.values())
                        + ". Default json")  # fmt: skip
    parser.add_argument("-o", "--out", type=Path, metavar="FOLDER|FILE",
                        help="a folder for the answers, with a folder a format; the same "
                        "command goes on with it. Or one file. Without it they are "
                        "printed")  # fmt: skip
    parser.add_argument("--again", action="store_true", help="ask for what is in the folder, too")
    parser.add_argument("--draw", type=Path, metavar="FOLDER|FILE.png",
                        help="draw the rooms on each page")  # fmt: skip
    add_option_arguments(parser)
    add_target_arguments(parser)


def page_range(text: str) -> Callable[[int], list[int]]:
    """Read ``all``, ``2``, ``1,3-5`` or ``4-``; gives the pages of a document of so many.

    Raises:
        argparse.ArgumentTypeError: If it is none of these.
    """
    if text == "all":
        return lambda count: list(range(1, count + 1))
    spans: list[tuple[int, int | None]] = []
    for part in text.split(","):
        match = re.fullmatch(r"([1-9]\d{0,5})(?:(-)([1-9]\d{0,5})?)?", part.strip())
        if not match:
            raise argparse.ArgumentTypeError(f"{part!r} are no pages; some are 2, 1,3-5, 4- or all")
        first, dash, last = match.groups()
        spans.append((int(first), (int(last) if last else None) if dash else int(first)))
    return lambda count: [
        page
        for page in range(1, count + 1)
        if any(first <= page <= (last or count) for first, last in spans)
    ]


@dataclass
class Tally:
    """What came of all files."""

    pages: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    rooms: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    milliseconds: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    facts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    errors: dict[str, str] = field(default_factory=dict)
    kept: int = 0

    def add(self, record: Record) -> None:
        if not record.is_good:
            where = f"page {record.page}: " if record.page_count > 1 else ""
            self.errors.setdefault(record.name, f"{where}{record.answer['message']}")
            return
        self.pages[record.name] += 1
        rooms = record.answer["detected_rooms"]
        self.rooms[record.name] += len(rooms)
        for title, key in _COUNTED.items():
            if any(key in room for room in rooms):
                known = sum(room.get(key) is not None for room in rooms)
                self.facts[title][record.name] += known
        self.milliseconds[record.name] += record.answer["processing_time_ms"]

    def show(self, seconds: float) -> None:
        """Say it, if there was more than one page."""
        names = list(dict.fromkeys([*self.pages, *self.errors]))
        pages = sum(self.pages.values())
        rows = [
            (name, self.pages[name], self.rooms[name],
             *(counts[name] for counts in self.facts.values()), self.milliseconds[name],
             "failed" * (name in self.errors))
            for name in names
            if name in self.errors or len(names) <= _MOST_ROWS
        ]  # fmt: skip
        if rows and (len(names) > 1 or pages > 1):
            say("\n" + table(("file", "pages", "rooms", *self.facts, "ms", ""), rows) + "\n")
            for name, why in self.errors.items():
                say(f"failed: {name}: {why}")
        asked = pages - self.kept
        rate = f", {asked / seconds:.1f} pages a second" if asked > 1 and seconds > 0 else ""
        kept = f", {self.kept} of them answered before" if self.kept else ""
        failed = f"; {len(self.errors)} of {len(names)} files failed" if self.errors else ""
        rooms = sum(self.rooms.values())
        known = ", ".join(f"{counts.total()} {title}" for title, counts in self.facts.items())
        known = f" ({known})" if known else ""
        say(f"{rooms} room{'s' * (rooms != 1)}{known} on {pages} page{'s' * (pages != 1)}{kept}, "
            f"{seconds:.1f} s{rate}{failed}")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Ask for all pages; 0 when every one was answered."""
    Image.MAX_IMAGE_PIXELS = _MAX_PIXELS
    formats = [FORMATS[name] for name in dict.fromkeys(args.formats or ["json"])]
    is_file = args.out is not None and bool(args.out.suffix) and not args.out.is_dir()
    _check(args, formats, is_file=is_file)
    files = find_files(args.inputs, [place for place in (args.out, args.draw) if place])
    _check_drawing(args.draw, files)
    run = Run(args, formats, None if args.out is None or is_file else args.out)
    with open_client(args) as client:
        status = run.all(client, files)
    if is_file:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_bytes(run.one_file(formats[0]))
    elif args.out is None and formats[0].name != "json" and run.good:
        text = run.one_file(formats[0]).decode()
        sys.stdout.write(printable(text) if sys.stdout.isatty() else text)
    return status


def _check(args: argparse.Namespace, formats: Sequence[Format], *, is_file: bool) -> None:
    """Refuse what does not go together, before anything is asked."""
    if args.jobs < 1:
        raise BadUsage(f"--jobs is {args.jobs}; at least 1")
    if (is_file or args.out is None) and len(formats) > 1:
        raise BadUsage("several formats need a folder: --out FOLDER")
    if args.out is None and formats[0].name not in _PRINTED:
        raise BadUsage(
            f"{formats[0].name} is not printed; name where it goes: --out FOLDER"
            + (f", or --out FILE{formats[0].suffix}" if formats[0].suffix else "")
        )
    if is_file and formats[0].name not in (*_PRINTED, "dxf", "pdf", "png"):
        raise BadUsage(f"{formats[0].name} is a folder: --out FOLDER, without {args.out.suffix}")
    for kind in formats:
        kind.check()


def _check_drawing(draw: Path | None, files: Sequence[InputFile]) -> None:
    if draw is None or not draw.suffix or draw.is_dir():
        return
    if draw.suffix.lower() not in _DRAWINGS:
        raise BadUsage(f"--draw {draw}: a drawing is {', '.join(_DRAWINGS)}, or a folder of them")
    if draw.resolve() in {file.path.resolve() for file in files}:
        raise BadUsage(f"--draw {draw} would overwrite that plan")


class Run:
    """One run over files.

    Args:
        args: Of the command line.
        formats: What is made of the answers.
        folder: Where they go; None keeps them for what is printed.
    """

    def __init__(
        self, args: argparse.Namespace, formats: Sequence[Format], folder: Path | None
    ) -> None:
        self._args, self._formats, self._folder = args, formats, folder
        self._state = State(folder) if folder else None
        self._stems = Stems(self._state.stems() if self._state else None)
        self._options = options_of(args)
        self._prints = folder is None and args.out is None and formats[0].name == "json"
        self._paths: dict[str, Path] = {}
        self._tally = Tally()
        self.good: list[Record] = []
        self.was_stopped = False

    def all(self, client: RoomClient, files: Sequence[InputFile]) -> int:
        """Ask for what is not answered yet, write and sum up; 0 when all is answered."""
        started_s = time.monotonic()
        try:
            stopped = self._ask_all(client, files)
        except BaseException:
            self._tell_how_to_go_on()
            raise
        finally:
            if self._state:
                self._state.close()
        if stopped:
            self.was_stopped = True
            say(f"error: {stopped}")
            if isinstance(stopped, NothingListens):
                say("In a checkout `roomdet serve` starts a server; --url names another.")
            self._tell_how_to_go_on()
            return 1
        self._write_sets()
        self._tally.show(time.monotonic() - started_s)
        return 1 if self._tally.errors else 0

    def _ask_all(self, client: RoomClient, files: Sequence[InputFile]) -> ClientError | None:
        """Ask for all pages; what ended it before, because the others would have failed alike."""
        with Progress(len(files)) as progress:
            jobs = self._jobs(client, files, progress)
            for outcome in ask_all(jobs, partial(self._ask, client), self._args.jobs):
                if isinstance(outcome.error, FATAL):
                    return outcome.error
                self._take(client, outcome)
                progress.step(sum(self._tally.rooms.values()), len(self._tally.errors))
        return None

    def _tell_how_to_go_on(self) -> None:
        if self._folder and self.good:
            say(f"{len(self.good)} pages are in {self._folder}; the same command goes on.")

    def _jobs(
        self, client: RoomClient, files: Sequence[InputFile], progress: Progress
    ) -> Iterator[Job]:
        for file in files:
            self._paths[file.name] = file.path
            try:
                jobs = self._open_jobs(client, file)
            except PlanUnreadable as err:
                answer = error_document(err)
                self._keep(Record(file.name, 1, 1, self._stems.of(file.name), {}, answer, None))
                progress.step(sum(self._tally.rooms.values()), len(self._tally.errors))
                continue
            progress.expect(len(jobs) - 1)
            yield from jobs

    def _open_jobs(self, client: RoomClient, file: InputFile) -> list[Job]:
        """The pages of a file that are not answered yet; those that are, are taken as they are."""
        self._stems.of(file.name)  # before threads ask for it
        known: list[Record] = []
        if self._state and not self._args.again:
            known = self._state.known(file, self._key(client, file))
        for record in known:
            if record.page in self._args.pages(record.page_count):
                self._tally.kept += 1
                self._count(record)
        if known and {record.page for record in known} >= set(
            self._args.pages(known[0].page_count)
        ):
            return []
        done = {record.page for record in known}
        return [job for job in jobs_of(file, self._args.pages) if job.page not in done]

    def _key(self, client: RoomClient, file: InputFile) -> dict[str, Any]:
        return {**fingerprint(file.path), "asked": client.where, **self._options}

    def _ask(self, client: RoomClient, job: Job) -> Detection:
        """In a thread: the answer, and what is written of this page alone."""
        detection = client.detect(job.plan, page=job.page, **self._options)
        sheet = detection.sheet
        if sheet is None:
            return detection
        page = Record(
            job.file.name, job.page, detection.page_count, self._stem(job), {},
            detection.as_json(), sheet,
        ).export(job.file.path, self._page_stem(job, detection.page_count))  # fmt: skip
        for kind in self._formats if self._folder else ():
            if kind.suffix and not kind.by_document:
                kind.write([page], self._folder / kind.name)  # type: ignore[operator]
        if self._args.draw:
            self._draw(page)
        return detection

    def _draw(self, page: ExportPage) -> None:
        from roomdet_client.drawing import draw_rooms  # noqa: PLC0415  # only where it is asked for

        target: Path = self._args.draw
        if not target.suffix or target.is_dir():
            target = target / f"{page.stem}.png"
        elif page.page_count > 1:
            suffix = page_suffix(page.page, page.page_count)
            target = target.with_name(f"{target.stem}{suffix}{target.suffix}")
        target.parent.mkdir(parents=True, exist_ok=True)
        draw_rooms(page.plan, page.rooms, page=page.page).save(target)

    def _stem(self, job: Job) -> str:
        return self._stems.of(job.file.name)

    def _page_stem(self, job: Job, count: int) -> str:
        return f"{self._stem(job)}{page_suffix(job.page, count)}"

    def _take(self, client: RoomClient, outcome: Outcome[Detection]) -> None:
        """Keep and print what came of a page."""
        job, detection = outcome.job, outcome.answer
        if detection is None:
            assert outcome.error is not None
            answer, sheet, count = error_document(outcome.error), None, job.page_count
        else:
            answer, sheet, count = detection.as_json(), detection.sheet, detection.page_count
        try:
            key = self._key(client, job.file)
        except PlanUnreadable:  # it was removed meanwhile
            key = {}
        self._keep(Record(job.file.name, job.page, count, self._stem(job), key, answer, sheet))

    def _keep(self, record: Record) -> None:
        if self._state:
            self._state.add(record)
        self._count(record)
        if not record.is_good:
            where = f", page {record.page}" if record.page_count > 1 else ""
            say(f"{record.name}{where}: {record.answer['message']}")

    def _count(self, record: Record) -> None:
        self._tally.add(record)
        if record.is_good:
            self.good.append(record)
        if self._prints:
            head: dict[str, Any] = {"file": record.name}
            if record.page_count > 1:
                head |= {"page": record.page, "page_count": record.page_count}
            show(json.dumps({**head, **record.answer}, ensure_ascii=False))

    def exports(self) -> list[ExportPage]:
        """All answered pages, as the exports take them."""
        return [
            record.export(
                self._paths[record.name],
                f"{record.stem}{page_suffix(record.page, record.page_count)}",
            )
            for record in sorted(self.good, key=lambda record: (record.name, record.page))
            if record.sheet
        ]

    def _write_sets(self) -> None:
        """Write the formats that need all pages, and what an earlier run left out of the others."""
        if not self._folder:
            return
        pages = self.exports()
        sets = [kind.name for kind in self._formats if not kind.suffix or kind.by_document]
        if sets and len(pages) >= _MANY:
            say(f"Writing {', '.join(sets)} …")
        for kind in self._formats:
            target = self._folder / kind.name
            if kind.suffix and not kind.by_document:
                missing = [p for p in pages if not (target / f"{p.stem}{kind.suffix}").exists()]
                kind.write(missing, target)
            else:
                kind.write(pages, target)

    def one_file(self, kind: Format) -> bytes:
        """The only file of a format.

        Raises:
            BadUsage: If the format has a file a page, and there are several.
        """
        pages = self.exports()
        if not pages:
            raise PlanUnreadable("nothing was answered, so that nothing is written")
        files = {page.file for page in pages}
        takes_all = not kind.suffix or kind.name in ("json", "geojson")
        if not takes_all and (len(files) > 1 if kind.by_document else len(pages) > 1):
            raise BadUsage(f"{kind.name} has a file a page: --out FOLDER, or --pages 1")
        return kind.text(pages).encode() if not kind.is_binary else kind.encode(pages)
