# SPDX-License-Identifier: AGPL-3.0-or-later
"""Ask for many pages: so many at once, in order, and none lost by another's failure."""

from __future__ import annotations

import json
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from roomdet_client.answers import parse_answer
from roomdet_client.errors import ClientError, CredentialsRefused, PlanUnreadable, RequestRefused
from roomdet_client.exports.page import ExportPage
from roomdet_client.http_transport import NothingListens
from roomdet_client.pages import Plan
from roomdet_client.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from roomdet_client.inputs import InputFile

# After these no other page would be answered either.
FATAL = (NothingListens, CredentialsRefused)
STATE_NAME = "answers.jsonl"
_Answer = TypeVar("_Answer")
_AHEAD = 2  # pages read ahead of those that are asked for, times the number at once


@dataclass(frozen=True)
class Job:
    """A page to ask for.

    Attributes:
        file: Where it is.
        plan: The file, opened.
        page: Counted from 1.
        page_count: Pages of the file; 1 where they cannot be counted here.
    """

    file: InputFile
    plan: Plan
    page: int
    page_count: int


@dataclass(frozen=True)
class Outcome(Generic[_Answer]):
    """What came of a page.

    Attributes:
        job: What was asked for.
        answer: None if there is none.
        error: Why not; None if there is one.
    """

    job: Job
    answer: _Answer | None
    error: ClientError | None


def jobs_of(file: InputFile, pages: Callable[[int], Sequence[int]]) -> list[Job]:
    """The pages of a file that are asked for.

    Args:
        file: The file.
        pages: Those wanted of so many.

    Raises:
        PlanUnreadable: If the file is not there, or has none of them.
    """
    plan = Plan.at(file.path, file.name)
    try:
        count = plan.page_count
    except PlanUnreadable:
        if not file.path.is_file():
            raise
        count = 1  # the server says what is wrong with it
    wanted = pages(count)
    if not wanted:
        raise PlanUnreadable(f"{file.name} has none of the pages that were asked for, but {count}")
    return [Job(file, plan, page, count) for page in wanted]


def ask_all(
    jobs: Iterable[Job], ask: Callable[[Job], _Answer], concurrency: int
) -> Iterator[Outcome[_Answer]]:
    """Ask for pages, so many at once; outcomes come in the order of the jobs.

    Args:
        jobs: Drawn as they are needed.
        ask: Asks for one, in a thread.
        concurrency: How many at once.
    """

    def tried(job: Job) -> Outcome[_Answer]:
        try:
            return Outcome(job, ask(job), None)
        except ClientError as err:
            return Outcome(job, None, err)
        except Exception as err:  # noqa: BLE001 - whatever a file makes Pillow or PDFium do
            why = PlanUnreadable(f"{job.file.name}: {type(err).__name__}: {err}")
            return Outcome(job, None, why)

    waiting: deque[Future[Outcome[_Answer]]] = deque()
    pool = ThreadPoolExecutor(concurrency)
    try:
        for job in jobs:
            waiting.append(pool.submit(tried, job))
            if len(waiting) >= _AHEAD * concurrency:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def error_document(error: Exception) -> dict[str, Any]:
    """An error in the form of the API, with the server's code where it is the server's."""
    if isinstance(error, RequestRefused):
        return {"status": "error", "error": error.code, "http_status": error.status,
                "message": error.message, "details": error.details}  # fmt: skip
    return {"status": "error", "error": type(error).__name__, "message": str(error)}


@dataclass(frozen=True)
class Record:
    """One page of a folder of answers, as its state has it.

    Attributes:
        name: The file's.
        page: Counted from 1.
        page_count: Of the file.
        stem: Of what is written of the file.
        key: What must be the same for the answer to hold: file, server and options.
        answer: As of docs/api.md, or the error.
        sheet: Size of the page; None where it is not known here.
    """

    name: str
    page: int
    page_count: int
    stem: str
    key: dict[str, Any]
    answer: dict[str, Any]
    sheet: Sheet | None

    @property
    def is_good(self) -> bool:
        """Whether there are rooms, perhaps none."""
        return bool(self.answer.get("status") == "success")

    def export(self, path: Path, stem: str) -> ExportPage:
        """The page as the exports take it.

        Raises:
            PlanUnreadable: If the size of the page is not known.
        """
        if self.sheet is None:
            raise PlanUnreadable(f"{self.name} cannot be read here, so that it cannot be exported")
        answer = parse_answer(json.dumps(self.answer))
        return ExportPage(
            self.name, stem, Plan.at(path, self.name), self.page, self.page_count, self.sheet,
            answer.rooms, answer.processing_time_ms,
        )  # fmt: skip


def fingerprint(path: Path) -> dict[str, int]:
    """What changes when a file does.

    Raises:
        PlanUnreadable: If it is not there.
    """
    try:
        found = path.stat()
    except OSError as err:
        raise PlanUnreadable(f"{path} cannot be read: {err.strerror}") from err
    return {"bytes": found.st_size, "mtime_ns": found.st_mtime_ns}


class State:
    """The answers of a folder, a line each, so that a run that was stopped goes on.

    Args:
        folder: Which is made.

    Raises:
        OSError: If it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / STATE_NAME
        self._records: dict[str, dict[int, Record]] = {}
        for record in self._read():
            self._records.setdefault(record.name, {})[record.page] = record
        self._file = self._path.open("a", encoding="utf-8", errors="backslashreplace")
        if self._file.tell() and not self._ends_with_newline():
            self._file.write("\n")  # a line that was cut off stays one line

    def _ends_with_newline(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"

    def _read(self) -> Iterator[Record]:
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    fields = json.loads(line)
                    sheet = fields.pop("sheet")
                    yield Record(**fields, sheet=Sheet(**sheet) if sheet else None)
                except (ValueError, TypeError, KeyError):
                    continue  # cut off when the run was stopped

    def known(self, file: InputFile, key: dict[str, Any]) -> list[Record]:
        """The good answers of a file that still hold."""
        pages = self._records.get(file.name, {}).values()
        return [record for record in pages if record.key == key and record.is_good]

    def stems(self) -> dict[str, str]:
        """By the file's name."""
        return {name: next(iter(pages.values())).stem for name, pages in self._records.items()}

    def add(self, record: Record) -> None:
        self._records.setdefault(record.name, {})[record.page] = record
        sheet = record.sheet and vars(record.sheet)
        self._file.write(json.dumps({**vars(record), "sheet": sheet}, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()
