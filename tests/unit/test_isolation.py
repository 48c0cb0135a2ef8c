# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pages are read in processes that can be ended: what one file does there harms nobody else."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
from PIL import Image

from roomdet import isolation, page_process
from roomdet.config import Config, Limits
from roomdet.errors import (
    FileTooLarge,
    InvalidFileFormat,
    PageTooSlow,
    RequestError,
    ValidationError,
)
from roomdet.fork_server import ForkServerEnded
from roomdet.isolation import IsolatedReader, PageCeiling, page_ceiling
from roomdet.page import LARGE_PIXELS, decode_lock
from tests.builders import (
    ENDLESS_PDF,
    draw_plan,
    encode,
    exif,
    layered_pdf,
    plan_pdf,
    scanned_pdf,
)
from tests.unit.reading import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomdet.page import Page

ROOT: Final = Path(isolation.__file__).parents[2]
LIMITS: Final = Limits()
PLAN: Final = encode(draw_plan(), "PNG")
SLOW: Final = layered_pdf(50_000)  # minutes
ENOUGH_S: Final = 30  # for whatever takes a fraction of a second on a machine of its own
LARGE: Final = encode(Image.new("L", (4000, 3000), 200), "PNG")
KINDS: Final[dict[str, Callable[[], bytes]]] = {
    "png": lambda: PLAN,
    "jpeg-turned": lambda: encode(draw_plan(), "JPEG", exif=exif(6)),
    "webp": lambda: encode(draw_plan(), "WEBP"),
    "pdf": plan_pdf,
    "scan": lambda: scanned_pdf(encode(draw_plan(), "JPEG")),
    "large": lambda: LARGE,
}
ORPHANS: Final = """
import threading, time
from roomdet.config import Limits
from roomdet.isolation import IsolatedReader, PageCeiling
from tests.unit.test_isolation import PLAN, SLOW
reader = IsolatedReader(Limits(), PageCeiling(60, 0))
reader.read_page(PLAN, page=1, side_px=64)
threading.Thread(target=reader.read_page, args=(SLOW,), kwargs={"page": 1, "side_px": 640}).start()
time.sleep(0.5)
reader.read_page(PLAN, page=1, side_px=64)
print("reading", flush=True)
"""


BEFORE: Final[set[int]] = set()


@pytest.fixture(autouse=True)
def _others() -> None:
    """Other tests of this process may have left readers of theirs."""
    BEFORE.clear()
    BEFORE.update(children_of(os.getpid()))


@pytest.fixture
def reader(_others: None) -> Iterator[IsolatedReader]:
    """With time enough for all but what never ends."""
    with contextlib.closing(IsolatedReader(LIMITS, PageCeiling(ENOUGH_S, 900))) as found:
        yield found


def page_of(reader: IsolatedReader, data: bytes, **options: float) -> Page:
    """Read with what most tests have in common."""
    asked = {"page": 1, "side_px": 320} | options
    return reader.read_page(data, **asked)  # type: ignore[arg-type]


def pids(reader: IsolatedReader) -> list[int]:
    """The processes that wait for a page."""
    return [waiting.child.pid for waiting in reader._idle]


def children_of(pid: int) -> list[int]:
    """Its children, and theirs."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    except FileNotFoundError:
        return []
    return [child for number in map(int, found) for child in (number, *children_of(number))]


def own_children() -> list[int]:
    """Of this process, without those that other tests left."""
    return [child for child in children_of(os.getpid()) if child not in BEFORE]


def is_running(pid: int) -> bool:
    """Whether it is there and no zombie."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):  # the latter if it ends between open and read
        return False


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait, not forever."""
    ends_s = time.monotonic() + ENOUGH_S
    while not is_so():
        assert time.monotonic() < ends_s
        time.sleep(0.01)


class TestReading:
    """What comes out is what reading in this process gives."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_page_is_the_same(self, reader: IsolatedReader, kind: str) -> None:
        """Pixels and whatever else is known of a page."""
        data = KINDS[kind]()
        expected = read(data)

        for _ in range(3):
            page = page_of(reader, data)
            assert np.array_equal(expected.pixels, page.pixels)
            assert (expected.source_wh, expected.native_px) == (page.source_wh, page.native_px)
            assert (expected.number, expected.count) == (page.number, page.count)
            assert expected.pixel_count == page.pixel_count

    def test_pages_stay_as_they_were(self, reader: IsolatedReader) -> None:
        """The next page is not written over the one before."""
        first = page_of(reader, PLAN)
        before = first.pixels.copy()
        page_of(reader, encode(Image.new("RGB", (320, 200), "red"), "PNG"))

        assert np.array_equal(before, first.pixels)

    def test_a_page_at_its_largest_is_handed_over(self, reader: IsolatedReader) -> None:
        """Its process ends, and the memory is the page's alone."""
        page_of(reader, PLAN)
        (before,) = pids(reader)
        page = page_of(reader, plan_pdf(), side_px=3840)

        assert np.array_equal(read(plan_pdf(), side_px=3840).pixels, page.pixels)
        assert [] == pids(reader)
        assert not is_running(before)

    def test_refusals_are_the_same(self, reader: IsolatedReader) -> None:
        """With their details; the process reads on."""
        for data, number in ((b"", 1), (b"text", 1), (PLAN[:200], 1), (PLAN, 10**4000)):
            with pytest.raises(RequestError) as expected:
                read(data, page=number)
            with pytest.raises(RequestError) as caught:
                page_of(reader, data, page=number)
            assert type(expected.value) is type(caught.value)
            assert str(expected.value) == str(caught.value)
            assert expected.value.details == caught.value.details

        assert 1 == len(pids(reader))

    def test_by_many_threads(self, reader: IsolatedReader) -> None:
        """Each gets its own page."""
        files = [build() for build in KINDS.values()]
        expected = [read(file).pixels for file in files]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda file: page_of(reader, file).pixels, files * 5))

        assert all(
            np.array_equal(expected[i % len(files)], pixels) for i, pixels in enumerate(found)
        )
        assert 1 <= len(pids(reader)) <= 4


class TestCeilings:
    """What exceeds them is ended, and said by name."""

    def test_time(self) -> None:
        """The next page is read as if nothing had been."""
        with contextlib.closing(IsolatedReader(LIMITS, PageCeiling(0.5, 900))) as reader:
            started_s = time.monotonic()
            with pytest.raises(PageTooSlow, match=r"page 1 of the PDF file takes more time") as it:
                page_of(reader, SLOW, side_px=640)
            took_s = time.monotonic() - started_s

            assert {"limit_seconds": 0.5} == it.value.details
            assert "0.5 s that a page may take; flatten" in str(it.value)
            assert 0.5 <= took_s < ENOUGH_S
            wait_until(lambda: len(own_children()) <= 1)

    def test_less_time_where_less_is_left(self, reader: IsolatedReader) -> None:
        """Of a row whose own time is nearly over."""
        started_s = time.monotonic()
        with pytest.raises(PageTooSlow):
            page_of(reader, SLOW, side_px=640, most_s=0)

        assert time.monotonic() - started_s < ENOUGH_S / 2

    def test_a_neighbor_notices_nothing(self, reader: IsolatedReader) -> None:
        """It is read while the other goes on, and is not ended with it."""
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(page_of, reader, SLOW, side_px=640, most_s=3)
            expected = read(PLAN).pixels
            while not slow.done():
                assert np.array_equal(expected, page_of(reader, PLAN).pixels)
            assert isinstance(slow.exception(), PageTooSlow)

    @pytest.mark.parametrize(
        ("data", "kind"),
        [
            pytest.param(ENDLESS_PDF, "PDF", id="pdf-without-end"),
            pytest.param(
                encode(Image.new("RGBA", (9000, 7000)), "PNG", compress_level=1), "PNG", id="png"
            ),
        ],
    )
    def test_memory(self, data: bytes, kind: str) -> None:
        """Whether a decoder says so or ends its process."""
        with contextlib.closing(IsolatedReader(LIMITS, PageCeiling(ENOUGH_S, 100))) as reader:
            with pytest.raises(FileTooLarge, match=f"page 1 of the {kind} file needs more memory"):
                page_of(reader, data)

            assert page_of(reader, PLAN).count == 1

    def test_no_more_memory_than_requests_as_a_whole(self) -> None:
        """A small container has less than a page may take by itself; 0 is no limit."""
        assert PageCeiling(8, 900) == page_ceiling(Config())
        assert 511 == page_ceiling(Config(memory_mb=511)).mb
        assert 900 == page_ceiling(Config(memory_mb=0)).mb
        assert 0 == page_ceiling(Config(memory_mb=0, page_mb=0)).mb


class TestEnds:
    """Processes end, by themselves or not."""

    def test_a_crash_is_its_rows_alone(self, reader: IsolatedReader) -> None:
        """The file is to blame, and the log says by what signal."""
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(page_of, reader, SLOW, side_px=640)
            wait_until(lambda: len(own_children()) == 2)
            time.sleep(0.2)
            os.kill(own_children()[1], signal.SIGSEGV)
            refused = slow.exception(ENOUGH_S)

        assert isinstance(refused, InvalidFileFormat)
        assert "is damaged in a way that ends its decoder" in str(refused)
        assert refused.reason == "the process that read the page ended by signal 11"
        assert page_of(reader, PLAN).count == 1

    def test_killed_for_want_of_memory(self, reader: IsolatedReader) -> None:
        """What the operating system ends first in a container without memory, and then again."""
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(page_of, reader, SLOW, side_px=640)
            killed: list[int] = []
            for _ in range(2):
                wait_until(lambda: len(own_children()) == 2 and own_children()[1] not in killed)
                time.sleep(0.2)
                killed.append(own_children()[1])
                score = Path(f"/proc/{killed[-1]}/oom_score_adj").read_text("ascii")
                assert "1000" == score.strip()
                os.kill(killed[-1], signal.SIGKILL)
            refused = slow.exception(ENOUGH_S)

        assert isinstance(refused, FileTooLarge)
        assert "memory" in str(refused)

    def test_a_page_whose_process_was_killed_is_read_again(self, reader: IsolatedReader) -> None:
        """Others may have taken the memory; the page is answered."""
        page_of(reader, PLAN)
        (stopped,) = pids(reader)
        os.kill(stopped, signal.SIGSTOP)
        with ThreadPoolExecutor(1) as pool:
            plan = pool.submit(page_of, reader, PLAN)
            time.sleep(0.2)
            os.kill(stopped, signal.SIGKILL)

            assert plan.result(ENOUGH_S).count == 1

    def test_one_that_ended_while_it_waited_is_replaced(self, reader: IsolatedReader) -> None:
        """No row notices."""
        page_of(reader, PLAN)
        (before,) = pids(reader)
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: not is_running(before))

        assert page_of(reader, PLAN).count == 1
        assert [before] != pids(reader)

    def test_one_is_kept_where_there_is_no_work(
        self, reader: IsolatedReader, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Those beside it end, and others come when they are needed."""
        monkeypatch.setattr(isolation, "_IDLE_S", 0.1)
        page_of(reader, PLAN)
        (kept,) = pids(reader)
        lasting = own_children()
        for _ in range(2):
            with ThreadPoolExecutor(3) as pool:
                list(pool.map(lambda _: page_of(reader, PLAN), range(30)))
            wait_until(lambda: lasting == own_children())  # zombies would count

        assert is_running(kept)
        assert page_of(reader, PLAN).count == 1

    def test_all_end_with_the_worker(self) -> None:
        """However it ends, and whatever they are doing."""
        with subprocess.Popen(
            [sys.executable, "-c", ORPHANS], cwd=ROOT, stdout=subprocess.PIPE, text=True,
            env={"PYTHONPATH": f"{ROOT / 'handler'}:{ROOT}"},
        ) as worker:  # fmt: skip
            assert worker.stdout is not None
            assert worker.stdout.readline() == "reading\n"
            processes = children_of(worker.pid)
            worker.kill()
            assert 3 == len(processes)
            wait_until(lambda: not any(map(is_running, processes)))

    def test_without_the_fork_server_the_worker_ends(self, reader: IsolatedReader) -> None:
        """It could read nothing any more; TorchServe starts another one."""
        forks = own_children()[0]
        os.kill(forks, signal.SIGKILL)

        with pytest.raises(ForkServerEnded):
            page_of(reader, PLAN)
        assert not issubclass(ForkServerEnded, Exception)

    def test_they_have_a_name_of_their_own(self, reader: IsolatedReader) -> None:
        """Whoever looks for the worker in a list of processes finds one."""
        page_of(reader, PLAN)
        for pid in own_children():
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
            assert b"roomdet: reads pages" == line.rstrip(b"\0")

    def test_files_of_the_worker_are_not_held(self, reader: IsolatedReader) -> None:
        """Its sockets close when it ends, though it was forked."""
        page_of(reader, PLAN)
        forks, child = own_children()
        here = {Path(f"/proc/self/fd/{fd}").readlink() for fd in (0, 1, 2)}
        for pid, most in ((forks, 3), (child, 4)):
            held = [link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir()]
            assert len([name for name in held if name not in here]) <= most, held


class TestTurns:
    """Large pictures are decoded one at a time, in whatever process."""

    def test_a_large_picture_waits(self, reader: IsolatedReader) -> None:
        """For the others, and its own time stands still meanwhile."""
        with ThreadPoolExecutor(1) as pool:
            with reader._turn:
                waiting = pool.submit(page_of, reader, LARGE, most_s=1)
                time.sleep(2)
                assert not waiting.done()
                assert page_of(reader, PLAN).count == 1  # a small one does not wait
            assert waiting.result(ENOUGH_S).count == 1

    def test_a_turn_may_be_asked_for_twice(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """By one reader after another, for the same file."""

        def twice(data: bytes, **options: int) -> Page:
            for _ in range(2):
                with decode_lock(LARGE_PIXELS + 1), decode_lock(LARGE_PIXELS + 1):
                    pass
            return read(data, side_px=options["side_px"])

        monkeypatch.setattr(page_process, "read_page", twice)
        with contextlib.closing(IsolatedReader(LIMITS, PageCeiling(ENOUGH_S, 900))) as reader:
            assert page_of(reader, PLAN).count == 1
            assert not reader._turn.locked()

    def test_the_turn_is_given_back(self, reader: IsolatedReader) -> None:
        """Also by one that fails."""
        for data in (LARGE, LARGE[:-500], LARGE):
            with contextlib.suppress(RequestError):
                page_of(reader, data)
            assert not reader._turn.locked()


def test_an_unforeseen_failure_tells_its_trace(reader: IsolatedReader) -> None:
    """For the log: the row's answer is made of it elsewhere."""
    with pytest.raises(RuntimeError, match=r"(?s)Traceback.*check_page.*TypeError"):
        page_of(reader, plan_pdf(), page="one")  # type: ignore[arg-type]

    assert page_of(reader, PLAN).count == 1


def test_threads_of_the_worker_do_not_matter() -> None:
    """Children are forked from what it was before them."""
    reader, stop = IsolatedReader(LIMITS, PageCeiling(ENOUGH_S, 900)), threading.Event()
    others = [threading.Thread(target=stop.wait) for _ in range(3)]
    for other in others:
        other.start()
    try:
        page_of(reader, PLAN)
        _, child = own_children()
        assert 1 == len(list(Path(f"/proc/{child}/task").iterdir()))
    finally:
        stop.set()
        reader.close()


def test_a_page_that_is_not_there_is_named(reader: IsolatedReader) -> None:
    """As a mistake of the caller."""
    with pytest.raises(ValidationError, match="page 2 was asked for; the file has 1 page"):
        page_of(reader, PLAN, page=2)
