# SPDX-License-Identifier: AGPL-3.0-or-later
"""The evaluation of sheets, with a server that finds what the pages say it finds."""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pytest
from PIL import Image, ImageDraw

from evaluation.evaluate import main, parse_arguments
from evaluation.served import Memory
from evaluation.sets import Kind, NamedSet, parse_set

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Box: TypeAlias = tuple[int, int, int, int]

PAGE_PX = 1000  # pixels are the API's thousandths
DARK, FALSE_ROOM = 40, 128  # gray of a true room, and of what the server takes for one
# 400 rooms, more than an answer holds where nothing is said.
MANY: list[Box] = [(40 * x, 40 * y, 40 * x + 30, 40 * y + 30) for x in range(20) for y in range(20)]
FEW: list[Box] = [(100, 100, 200, 200), (220, 100, 300, 200)]
FAR: Box = (600, 600, 700, 700)


@dataclass(slots=True)
class Finder:
    """A server that finds every dark room, surest last, and how it was asked.

    Attributes:
        url: Its address.
        options: Of each request.
        most_at_once: Requests that it answered at a time.
    """

    url: str = ""
    options: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    at_once: int = 0


def rooms_on(data: bytes) -> list[Box]:
    """What was drawn, in thousandths of the page: the true rooms first."""
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
    found: list[Box] = []
    for gray in (DARK, FALSE_ROOM):
        is_room = np.pad(pixels == gray, 1)
        corners = is_room[1:-1, 1:-1] & ~is_room[:-2, 1:-1] & ~is_room[1:-1, :-2]
        for y, x in np.argwhere(corners).tolist():
            width, height = np.argmin(is_room[y + 1, x + 1 :]), np.argmin(is_room[y + 1 :, x + 1])
            box = np.array([x, y, x + width, y + height]) * 1000 / (pixels.shape[::-1] * 2)
            found.append(tuple(box.round().astype(int).tolist()))
    return found


@contextmanager
def finding() -> Iterator[Finder]:
    """A finder on a free port."""
    finder, lock = Finder(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            with lock:
                finder.at_once += 1
                finder.most_at_once = max(finder.most_at_once, finder.at_once)
            custom = self.headers["X-Amzn-SageMaker-Custom-Attributes"]
            options = dict(pair.split("=") for pair in custom.split(";"))
            finder.options.append(options)
            rooms = rooms_on(self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(0.05)  # so that requests can meet
            body = json.dumps(
                {
                    "detected_rooms": [
                        {"id": f"room_{n:03d}", "bounding_box": box, "confidence": 0.9}
                        for n, box in enumerate(rooms[: int(options["max_rooms"])])
                    ],
                    "processing_time_ms": 50,
                }
            ).encode()
            with lock:
                finder.at_once -= 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        finder.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield finder
        finally:
            server.shutdown()
            thread.join()


def draw(folder: Path, name: str, rooms: Sequence[Box], false: Sequence[Box] = ()) -> None:
    """Add a page to a plan set: its rooms, labeled, and what will be taken for some."""
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    page = Image.new("L", (PAGE_PX, PAGE_PX), 255)
    pen = ImageDraw.Draw(page)
    for gray, boxes in ((DARK, rooms), (FALSE_ROOM, false)):
        for x0, y0, x1, y1 in boxes:
            pen.rectangle((x0, y0, x1 - 1, y1 - 1), fill=gray)
    page.save(folder / "images" / f"{name}.png")
    lines = [
        f"0 {(x0 + x1) / 2000} {(y0 + y1) / 2000} {(x1 - x0) / 1000} {(y1 - y0) / 1000}"
        for x0, y0, x1, y1 in rooms
    ]
    (folder / "labels" / f"{name}.txt").write_text("\n".join(lines))


def measured(finder: Finder, out: Path, *arguments: str) -> dict[str, Any]:
    """The report of a run without corruptions."""
    command = ["--url", finder.url, "--corruptions", "none", "--out", str(out), *arguments]
    assert main(command) == 0
    report: dict[str, Any] = json.loads(out.read_text())
    return report


@pytest.mark.parametrize(("kind", "recall"), [("plans", 0.75), ("sheets", 1)])
def test_a_sheet_may_have_more_than_300_rooms(tmp_path: Path, kind: str, recall: float) -> None:
    """It is asked for 1000 rooms and all count, where a plan has at most 300."""
    draw(tmp_path / "set", "floor", MANY)

    with finding() as finder:
        report = measured(finder, tmp_path / "m.json", "--set", f"floors={tmp_path}/set@{kind}")

    floors = report["sets"]["floors"]
    assert floors["kind"] == kind
    assert floors["rooms"] == 400
    assert floors["clean"]["recall"] == floors["clean"]["ar50_95"] == recall
    assert finder.options[0]["max_rooms"] == {"plans": "300", "sheets": "1000"}[kind]


@pytest.mark.parametrize(("kind", "precision"), [("sheets", 0.6667), ("partial-sheets", 1)])
def test_rooms_beyond_the_labels(tmp_path: Path, kind: str, precision: float) -> None:
    """A set that is labeled whole has no other buildings; one that is not says so by its kind."""
    draw(tmp_path / "set", "sheet", FEW, [FAR])

    with finding() as finder:
        report = measured(
            finder, tmp_path / "m.json", "--set", f"kth={tmp_path}/set@{kind}",
            "--drawings", str(tmp_path / "drawn"),
        )  # fmt: skip

    with Image.open(tmp_path / "drawn" / "kth" / "worst-01-sheet.png") as drawing:
        color = drawing.getpixel(FAR[:2])
    assert report["sets"]["kth"]["clean"]["precision"] == precision
    assert color == {"sheets": (0xE0, 0x60, 0), "partial-sheets": (0x20, 0x60, 0xD0)}[kind]


def test_sheets_are_asked_for_one_at_a_time(tmp_path: Path) -> None:
    """Otherwise their seconds mean nothing; plans come as many at once as is said."""
    for number in range(6):
        draw(tmp_path / "set", f"{number}", FEW)

    with finding() as finder:
        report = measured(finder, tmp_path / "m.json", "--set", f"a={tmp_path}/set@sheets")
    with finding() as busy:
        measured(busy, tmp_path / "n.json", "--set", f"a={tmp_path}/set", "--concurrency", "6")

    seconds = report["sets"]["a"]["seconds"]
    assert finder.most_at_once == 1
    assert busy.most_at_once > 1
    assert 0.05 <= seconds["median"] <= seconds["p95"] < 5


def test_sheets_are_told_by_size_and_never_spoiled(tmp_path: Path) -> None:
    """Corruptions are for plans; the memory of a server elsewhere is not known."""
    draw(tmp_path / "set", "sheet", [*FEW, (500, 500, 515, 515)])

    with finding() as finder:
        report = measured(
            finder, tmp_path / "m.json",
            "--set", f"plans={tmp_path}/set", "--set", f"sheets={tmp_path}/set@sheets",
            "--corruptions", "jpeg",
        )  # fmt: skip

    plans, sheets = report["sets"]["plans"], report["sets"]["sheets"]
    assert set(plans) == {"kind", "pictures", "rooms", "clean", "subset"}
    assert set(sheets) == {"kind", "pictures", "rooms", "clean", "recall_by_size", "seconds"}
    assert [(step["rooms"], step["recall"]) for step in sheets["recall_by_size"]] == [
        (0, None), (1, 1), (0, None), (0, None), (2, 1),
    ]  # fmt: skip


def test_the_best_and_the_worst_sheets_are_drawn(tmp_path: Path) -> None:
    """Three each where there are six; of fewer none twice."""
    for number in range(7):
        draw(tmp_path / "set", f"sheet-{number}", [*FEW, FAR], MANY[-number:] if number else [])
    for number in range(2):
        draw(tmp_path / "two", f"sheet-{number}", FEW, MANY[-number:] if number else [])

    with finding() as finder:
        measured(
            finder, tmp_path / "m.json", "--drawings", str(tmp_path / "drawn"),
            "--set", f"seven={tmp_path}/set@sheets", "--set", f"two={tmp_path}/two@sheets",
        )  # fmt: skip

    assert sorted(path.stem for path in (tmp_path / "drawn" / "seven").iterdir()) == [
        "best-01-sheet-0", "best-02-sheet-1", "best-03-sheet-2",
        "worst-01-sheet-6", "worst-02-sheet-5", "worst-03-sheet-4",
    ]  # fmt: skip
    assert sorted(path.stem for path in (tmp_path / "drawn" / "two").iterdir()) == [
        "worst-01-sheet-1",
        "worst-02-sheet-0",
    ]


def test_mosaics_are_made_of_a_set_of_plans(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five plans fill one sheet of four, found whole, and none of nine; sheets make no mosaics."""
    for number in range(5):
        draw(tmp_path / "set", f"{number}", FEW)

    with finding() as finder:
        report = measured(
            finder, tmp_path / "m.json", "--mosaics", "4", "9",
            "--set", f"a={tmp_path}/set", "--set", f"b={tmp_path}/set@sheets",
        )  # fmt: skip

    mosaic = report["sets"]["a-mosaic-4"]
    assert list(report["sets"]) == ["a", "a-mosaic-4", "b"]
    assert (mosaic["kind"], mosaic["pictures"], mosaic["rooms"]) == ("sheets", 1, 8)
    assert mosaic["clean"]["f1"] == 1
    assert "a: too few plans for a sheet of 9" in capsys.readouterr().err


def test_a_limit_spreads_over_all_mosaics(tmp_path: Path) -> None:
    """Of three sheets the first and the last."""
    for number in range(12):
        draw(tmp_path / "set", f"{number:02d}", FEW[: 1 + (number == 11)])

    with finding() as finder:
        report = measured(
            finder, tmp_path / "m.json", "--mosaics", "4", "--limit", "2",
            "--set", f"a={tmp_path}/set",
        )  # fmt: skip

    mosaics = report["sets"]["a-mosaic-4"]
    assert (mosaics["pictures"], mosaics["rooms"]) == (2, 9)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=plans", ("a", Path("plans"), "", Kind.PLANS)),
        ("a=plans:r3d-@plans", ("a", Path("plans"), "r3d-", Kind.PLANS)),
        ("kth=my/sheets@partial-sheets", ("kth", Path("my/sheets"), "", Kind.PARTIAL_SHEETS)),
        ("f=floors:f-@sheets", ("f", Path("floors"), "f-", Kind.SHEETS)),
    ],
)
def test_kinds_are_named_with_the_set(text: str, expected: tuple[Any, ...]) -> None:
    """Behind its folder and prefix."""
    assert parse_set(text) == NamedSet(*expected)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a=plans@sheet", "a set is @plans, @sheets, @partial-sheets, not @sheet"),
        ("a=plans@", "not @;"),
        ("plans@sheets", "is not NAME=DIR or NAME=DIR:PREFIX"),
    ],
)
def test_other_kinds_are_refused(text: str, complaint: str) -> None:
    """The message says which there are."""
    with pytest.raises(argparse.ArgumentTypeError, match=complaint):
        parse_set(text)


def test_memory_is_the_peak_since_the_server_was_idle() -> None:
    """What was taken before, and given back, does not count; what was taken since counts."""
    script = (
        "import sys\n"
        "for megabytes in (120, 0, 60, 0):\n"
        "    held = bytearray(megabytes * 10**6)\n"
        "    print(len(held), flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    memory = None
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=PIPE, stdout=PIPE, start_new_session=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        peaks_mb = []
        for _ in range(2):  # takes something, gives it back
            process.stdout.readline()
            process.stdin.write(b"\n")
            process.stdin.flush()
            process.stdout.readline()
            memory = memory or Memory.of_idle(process.pid)
            assert memory is not None
            peaks_mb.append(memory.over_idle_mb())
            process.stdin.write(b"\n")
            process.stdin.flush()

    assert peaks_mb == [pytest.approx(0, abs=2), pytest.approx(60, abs=5)]


def test_sets_have_names_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Figures are told by name."""
    with pytest.raises(SystemExit):
        parse_arguments(["--set", "a=b", "--set", "a=c@sheets"])

    assert "a name of its own" in capsys.readouterr().err


@pytest.mark.parametrize("count", ["8", "0", "two"])
def test_mosaics_are_square(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As many rows as columns."""
    with pytest.raises(SystemExit):
        parse_arguments(["--set", "a=b", "--mosaics", count])

    assert "--mosaics" in capsys.readouterr().err
