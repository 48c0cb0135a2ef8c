# SPDX-License-Identifier: AGPL-3.0-or-later
"""`roomdet compare` tells what is different; `roomdet watch` answers what is put into a folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from roomdet_client.answers import Room
from roomdet_client.changes import find_changes, iou
from roomdet_client.cli import main
from tests.builders import draw_plan, encode, plan_pdf
from tests.conftest import ROOT
from tests.unit.answering import Asked, answering, found

if TYPE_CHECKING:
    from pathlib import Path

PNG = encode(draw_plan(), "PNG")
BAD = b'{"status":"error","error":"invalid_file_format","message":"the file is text","details":{}}'
KITCHEN, BATH, HALL, ATTIC = (
    {"id": "room_001", "bounding_box": box, "confidence": 0.9}
    for box in (
        [100, 100, 300, 300], [400, 100, 600, 300], [100, 500, 400, 800], [700, 700, 900, 900],
    )
)  # fmt: skip
MOVED = {**BATH, "bounding_box": [420, 120, 620, 320]}
DOUBTED = {**HALL, "confidence": 0.5}


def boxes() -> st.SearchStrategy[list[Room]]:
    """Rooms anywhere."""
    corner = st.tuples(st.integers(0, 900), st.integers(0, 900), st.integers(1, 100),
                       st.integers(1, 100), st.floats(0, 1))  # fmt: skip
    return st.lists(
        corner.map(lambda c: Room("room_001", (c[0], c[1], c[0] + c[2], c[1] + c[3]), c[4])),
        max_size=8,
    )


@given(boxes(), boxes())
def test_every_room_is_told_once(a: list[Room], b: list[Room]) -> None:
    """Alone or with a partner that overlaps."""
    changes = find_changes(a, b)
    pairs = (*changes.same, *changes.moved, *changes.doubted)

    assert len(a) == len(pairs) + len(changes.only_a)
    assert len(b) == len(pairs) + len(changes.only_b)
    assert all(iou(one, other) >= 0.5 for one, other in pairs)
    assert not find_changes(a, []).same


def by_size(asked: Asked, _: int) -> tuple[int, bytes]:
    """Three rooms on the plan, none on another; text is refused."""
    if asked.body.startswith(b"no plan"):
        return 400, BAD
    return 200, found(KITCHEN, BATH, HALL) if asked.body == PNG else found()


def another(asked: Asked, _: int) -> tuple[int, bytes]:
    """One is the same, one moved, one doubted, one new."""
    if asked.body.startswith(b"no plan"):
        return 400, BAD
    return 200, found(KITCHEN, MOVED, DOUBTED, ATTIC) if asked.body == PNG else found()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plan that is answered differently, and a PDF that is not."""
    plans = tmp_path / "plans"
    plans.mkdir()
    (plans / "a.png").write_bytes(PNG)
    (plans / "set.pdf").write_bytes(plan_pdf(pages=2))
    return plans


def test_what_is_different(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As table, with pictures of the pages that are."""
    with answering(by_size) as a, answering(another) as b:
        drawn = tmp_path / "drawn"
        assert 3 == main(["compare", a.url, b.url, str(folder), "--out", str(drawn)])
    out, err = capsys.readouterr()
    rows = [line.split() for line in out.splitlines()]

    assert ["a.png", "1", "3", "4", "1", "1", "1", "0", "1", "12", "12"] == rows[2]
    assert ["all", "3", "pages", "3", "4", "1", "1", "1", "0", "1", "36", "36"] == rows[3]
    assert 4 == len(rows)
    assert "1 of 3 pages are different" in err
    assert ["a.png"] == [path.name for path in drawn.iterdir()]
    with Image.open(drawn / "a.png") as picture:
        pixels = np.asarray(picture)
    for color in ("#0072b2", "#a0457a", "#808080"):
        assert (pixels == np.frombuffer(bytes.fromhex(color[1:]), np.uint8)).all(axis=2).any()


def test_names_that_are_different(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where both have one; a room that only one names is no other room."""

    def named(*names: str | None) -> bytes:
        given = zip((KITCHEN, BATH, HALL), names, strict=True)
        return found(*({**room, "name_hint": name} for room, name in given))

    url_of = ["--include", "name", str(folder / "a.png")]
    with (
        answering(lambda *_: (200, named("Kitchen", "Bath", None))) as a,
        answering(lambda *_: (200, named("Kök", "Bath", "Hall"))) as b,
    ):
        drawn = tmp_path / "drawn"
        assert 3 == main(["compare", a.url, b.url, *url_of, "--out", str(drawn)])
        out = capsys.readouterr().out
        assert 3 == main(["compare", a.url, b.url, *url_of, "--json"])
        told = json.loads(capsys.readouterr().out)
        assert 0 == main(["compare", a.url, a.url, *url_of])

    head, _, row, *_ = (line.split() for line in out.splitlines())
    assert "renamed" == head[-5]
    assert ["1", "3", "3", "3", "0", "0", "0", "0", "1", "12", "12"] == row[1:]
    (pair,) = told["renamed"]
    assert ("Kitchen", "Kök") == (pair["a"]["name_hint"], pair["b"]["name_hint"])
    with Image.open(drawn / "a.png") as picture:
        pixels = np.asarray(picture)
    violet = np.frombuffer(bytes.fromhex("a0457a"), np.uint8)
    assert (pixels == violet).all(axis=2).any()


def test_what_is_different_for_programs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line a page."""
    with answering(by_size) as a, answering(another) as b:
        assert 3 == main(["compare", a.url, b.url, str(folder), "--json"])
    first, *others = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert ("a.png", True, 1) == (first["file"], first["different"], first["same"])
    assert [{"bounding_box": [700, 700, 900, 900], "confidence": 0.9}] == first["only_b"]
    assert [] == first["only_a"]
    assert pytest.approx(first["moved"][0]["iou"], abs=0.01) == iou(
        Room("", (400, 100, 600, 300), 1), Room("", (420, 120, 620, 320), 1)
    )
    assert [False, False] == [other["different"] for other in others]


def test_nothing_is_different(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 0; a page that neither answers is a failure, one that one answers a difference."""
    with answering(by_size) as a, answering(lambda *_: (400, BAD)) as b:
        assert 0 == main(["compare", a.url, a.url, str(folder)])
        assert 1 == main(["compare", b.url, b.url, str(folder)])
        assert 3 == main(["compare", a.url, b.url, str(folder / "a.png")])
    out, err = capsys.readouterr()
    assert "error" in out
    assert f"{folder / 'a.png'}, page 1, B: 400 invalid_file_format: the file is text" in err


def test_versions_are_asked_by_their_address(folder: Path) -> None:
    """TorchServe's own address of each."""
    with answering(by_size) as server:
        versions = [f"{server.url}/predictions/rooms/{version}" for version in ("1.0", "1.1")]
        main(["compare", *versions, str(folder / "a.png")])

    assert ["/predictions/rooms/1.0", "/predictions/rooms/1.1"] == [
        asked.path for asked in server.asked
    ]


def wait_for(path: Path, process: subprocess.Popen[str], seconds: float = 30) -> None:
    """Until a file is there."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"{path} was not written"
        time.sleep(0.05)


def test_a_folder_is_watched(tmp_path: Path) -> None:
    """What comes later, in parts, and badly; each file once; Ctrl-C is a good end."""
    plans, out = tmp_path / "plans", tmp_path / "plans" / "out"
    plans.mkdir()
    (plans / "first.png").write_bytes(PNG)
    environment: dict[str, Any] = {**os.environ, "PYTHONPATH": str(ROOT / "client")}
    with answering(by_size) as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "roomdet_client", "watch", plans, "--out", out, "--url",
             server.url, "--every-s", "0.2", "--format", "json", "--format", "csv"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            wait_for(out / "json" / "first.json", process)
            (plans / "bad.png").write_bytes(b"no plan")
            with (plans / "slow.png").open("wb") as file:  # as a slow copy writes it
                for start in range(0, len(PNG), 200):
                    file.write(PNG[start : start + 200])
                    file.flush()
                    time.sleep(0.05)
            wait_for(out / "json" / "slow.json", process)
            (plans / "last.png").write_bytes(PNG)
            wait_for(out / "json" / "last.json", process)
            deadline = time.monotonic() + 10
            while "last.png" not in (out / "csv" / "rooms.csv").read_text("utf-8"):
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=20)

    assert (0, "") == (process.returncode, stdout)
    assert stderr.rstrip().endswith("stopped")
    assert "failed: bad.png: the file is text" in stderr
    bodies = [asked.body for asked in server.asked]
    assert 3 == bodies.count(PNG)
    assert 1 == bodies.count(b"no plan")
    assert {PNG, b"no plan"} == set(bodies)


def test_a_watched_folder_must_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Said at once."""
    assert 2 == main(["watch", str(tmp_path / "gone"), "--out", str(tmp_path / "out")])
    assert "gone is no folder" in capsys.readouterr().err
