# SPDX-License-Identifier: AGPL-3.0-or-later
"""`roomdet detect`: many files, none lost; data on stdout; a run that goes on where it stopped."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from roomdet_client.cli import main
from roomdet_client.commands.detect import page_range
from roomdet_client.inputs import Stems, find_files
from roomdet_client.runs import STATE_NAME
from tests.builders import draw_plan, encode, plan_pdf
from tests.conftest import ROOT
from tests.unit.answering import ROOM, Asked, Busy, answering, found

if TYPE_CHECKING:
    from pathlib import Path

PNG = encode(draw_plan(), "PNG")
BAD = b'{"status":"error","error":"invalid_file_format","message":"the file is text","details":{}}'


def good(*_: object) -> tuple[int, bytes]:
    """One room on every page."""
    return 200, found(ROOM)


def picky(asked: Asked, _: int) -> tuple[int, bytes]:
    """What is text is refused."""
    return (400, BAD) if asked.body.startswith(b"no plan") else (200, found(ROOM))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Plans, one of three pages, one in a folder, and one that is none."""
    plans = tmp_path / "plans"
    (plans / "upper floor").mkdir(parents=True)
    (plans / "a.png").write_bytes(PNG)
    (plans / "bad.png").write_bytes(b"no plan")
    (plans / "set.pdf").write_bytes(plan_pdf(pages=3))
    (plans / "upper floor" / "b.png").write_bytes(PNG)
    (plans / ".hidden.png").write_bytes(PNG)
    (plans / "notes.txt").write_text("not looked at")
    return plans


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was printed, as JSON lines."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ([], None),
        (["--detail", "sheet"], "detail=sheet"),
        (
            ["--detail=page", "--max-rooms=1000", "--confidence=0.4", "--iou=0.5"],
            "confidence=0.4;iou=0.5;max_rooms=1000;detail=page",
        ),
        (["--include", "name,area", "--scale=1/8\"=1'"], "include=name,area;scale=1/8\"=1'"),
    ],
)
def test_options_are_sent_in_the_header(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], sent: str | None
) -> None:
    """Those that are given, words as they are; the answer is printed with the file's name."""
    plan = tmp_path / "plan.png"
    plan.write_bytes(PNG)
    with answering(good) as server:
        assert 0 == main(["detect", str(plan), "--url", server.url, *given])

    assert [sent] == [asked.options for asked in server.asked]
    assert [{"file": str(plan), **json.loads(found(ROOM))}] == lines(capsys)


def test_what_cannot_be_included_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """With what can, before anything is sent."""
    with pytest.raises(SystemExit) as caught:
        main(["detect", "plan.png", "--include", "name,colour"])

    assert 2 == caught.value.code
    assert "'colour' cannot be included; allowed: name, polygon, area" in capsys.readouterr().err


def test_names_and_areas_are_counted_where_they_were_asked_for(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the summary; the folder's answers have them, and other words are another question."""
    area = {"m2": 9.5, "scale": "1:50", "scale_source": "request"}
    named = {**ROOM, "name_hint": "Hall", "name_source": "text", "name_confidence": 1, "area": area}
    unnamed = {**ROOM, "name_hint": None, "area": None, "area_reason": "open"}
    out = tmp_path / "out"
    command = ["detect", str(folder / "set.pdf"), "-o", str(out), "--format", "csv", "--url"]
    with answering(lambda *_: (200, found(named, unnamed))) as server:
        asked = [*command, server.url, "--include", "name,area", "--scale", "1:50"]
        assert 0 == main(asked)
        assert 0 == main(asked)
        assert 3 == len(server.asked)
        assert 0 == main([*asked, "--include", "name"])
        assert 6 == len(server.asked)

    rows = list(csv.DictReader(io.StringIO((out / "csv" / "rooms.csv").read_text("utf-8"))))
    assert ["Hall", ""] * 3 == [row["name"] for row in rows]
    assert ("9.5", "1:50", "request") == (
        rows[0]["area_m2"], rows[0]["scale"], rows[0]["scale_source"],
    )  # fmt: skip
    err = capsys.readouterr().err
    assert "6 rooms (3 named, 3 measured) on 3 pages" in err
    lines = [line.split() for line in err.splitlines()]
    first = lines.index(["file", "pages", "rooms", "named", "measured", "ms"])
    assert ["3", "6", "3", "3", "36"] == lines[first + 2][1:]


@pytest.mark.parametrize("form", ["python -m client", "roomdet"])
def test_what_is_no_number_is_told(capsys: pytest.CaptureFixture[str], form: str) -> None:
    """Before anything is sent, with the usage and status 2."""
    with pytest.raises(SystemExit) as caught:
        main(["detect", form, "--confidence", "high"])

    assert 2 == caught.value.code
    assert "invalid float value: 'high'" in capsys.readouterr().err


def test_a_bad_file_does_not_stop_the_others(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every page is answered, in order; the status, stderr and a line of its own tell of it."""
    with answering(picky) as server:
        assert 1 == main(["detect", str(folder), "--url", server.url, "-j", "3"])
    out, err = capsys.readouterr()
    answers = [json.loads(line) for line in out.splitlines()]

    expected = [("a.png", None), ("bad.png", None), ("set.pdf", 1), ("set.pdf", 2), ("set.pdf", 3),
                ("upper floor/b.png", None)]  # fmt: skip
    assert expected == [(answer["file"], answer.get("page")) for answer in answers]
    refused = {"status": "error", "error": "invalid_file_format", "http_status": 400,
               "message": "the file is text", "details": {}, "file": "bad.png"}  # fmt: skip
    assert refused == answers[1]
    assert 5 == sum(answer["status"] == "success" for answer in answers)
    assert "failed: bad.png: the file is text" in err
    assert "5 rooms on 5 pages" in err
    assert "1 of 4 files failed" in err


def test_only_so_many_at_once(folder: Path) -> None:
    """However many pages there are."""
    busy = Busy(0.05, found())
    with answering(busy) as server:
        main(["detect", str(folder), "--url", server.url, "-j", "2"])
    assert 2 == busy.most


def test_nobody_there_ends_the_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every other file would fail alike."""
    with answering(good) as server:
        url = server.url
    assert 1 == main(["detect", str(folder), "--url", url])
    out, err = capsys.readouterr()

    assert "" == out
    assert 1 == err.count("Connection refused")


def test_a_run_goes_on_where_it_was_stopped(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Answered pages are kept, failures and the rest asked for; the exports have them all."""
    out = tmp_path / "out"
    command = ["detect", str(folder), "--out", str(out), "--format", "csv", "--format", "json",
               "--jobs", "1"]  # fmt: skip

    def until_the_third(asked: Asked, number: int) -> tuple[int, bytes] | None:
        if number == 3:
            raise KeyboardInterrupt
        return picky(asked, number)

    with answering(picky) as server:
        url = ["--url", server.url]
        assert 1 == main([*command, *url])
        first = len(server.asked)
        # As if the machine had been switched off while a line was written.
        state = out / STATE_NAME
        state.write_bytes(b"".join(state.read_bytes().splitlines(keepends=True)[:4]) + b'{"name":')
        assert 1 == main([*command, *url])
        again = server.asked[first:]
        assert 1 == main([*command, *url])
        third = server.asked[first + len(again) :]

    # The bad file each time, and of the second run the last page of the set, and b.png.
    assert 6 == first
    assert [b"no plan", "page=3", None] == [
        asked.body if asked.body == b"no plan" else asked.options for asked in again
    ]
    assert [b"no plan"] == [asked.body for asked in third]
    rows = list(csv.DictReader(io.StringIO((out / "csv" / "rooms.csv").read_text("utf-8"))))
    assert ["a.png", "set.pdf", "set.pdf", "set.pdf", "upper floor/b.png"] == [
        row["file"] for row in rows
    ]
    assert {"a.json", "set-p1.json", "set-p2.json", "set-p3.json", "b.json"} == {
        path.name for path in (out / "json").iterdir()
    }
    err = capsys.readouterr().err
    assert "5 rooms on 5 pages, 3 of them answered before" in err
    assert "5 rooms on 5 pages, 5 of them answered before" in err


def command(*args: str | Path) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "client")}
    return subprocess.Popen(
        [sys.executable, "-m", "roomdet_client", *args], text=True,
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_ctrl_c_keeps_what_was_answered(folder: Path, tmp_path: Path) -> None:
    """And says how to go on."""
    reached = threading.Event()

    def third_waits(asked: Asked, number: int) -> tuple[int, bytes]:
        if number == 2:
            reached.set()
            time.sleep(2)
        return picky(asked, number)

    out = tmp_path / "out"
    with answering(third_waits) as server:
        args = ("detect", folder, "--url", server.url, "--out", out, "-j", "1")
        process = command(*args)
        assert reached.wait(20)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)
        first = len(server.asked)
        again = command(*args)
        again.communicate(timeout=60)

    assert (130, "") == (process.returncode, stdout)
    assert f"1 pages are in {out}; the same command goes on." in stderr
    assert "Traceback" not in stderr
    assert PNG not in [asked.body for asked in server.asked[first:-1]]


def test_a_reader_that_has_read_enough(folder: Path) -> None:
    """Ends the command without a trace, as of any other."""
    with answering(picky) as server:
        process = command("detect", folder, "--url", server.url, "-j", "1")
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline().startswith('{"file": "a.png"')
        process.stdout.close()
        stderr = process.stderr.read()
        process.stderr.close()
        process.wait(timeout=20)

    assert "Traceback" not in stderr
    assert "Broken pipe" not in stderr


def test_names_that_are_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file system takes any bytes; they come back as they were."""
    name = os.fsdecode(b"pl\xffan.png")
    plans, out = tmp_path / "plans", tmp_path / "out"
    plans.mkdir()
    (plans / name).write_bytes(PNG)
    with answering(good) as server:
        assert 0 == main(["detect", str(plans), "--url", server.url])
        formats = ["--format", "csv", "--format", "json"]
        for _ in range(2):
            assert 0 == main(["detect", str(plans), "--url", server.url, "-o", str(out), *formats])

    assert [name] == [answer["file"] for answer in lines(capsys)]
    assert 2 == len(server.asked)


@pytest.mark.parametrize(
    ("change", "asked_again"),
    [("nothing", 0), ("file", 1), ("option", 2), ("server", 2), ("again", 2)],
)
def test_what_has_changed_is_asked_for_again(tmp_path: Path, change: str, asked_again: int) -> None:
    """A file that was edited, other options, another server, or because it is wanted."""
    plans = tmp_path / "plans"
    plans.mkdir()
    for name in ("a.png", "b.png"):
        (plans / name).write_bytes(PNG)
    command = ["detect", str(plans), "--out", str(tmp_path / "out"), "--url"]
    with answering(good) as server, answering(good) as other:
        assert 0 == main([*command, server.url])
        first = len(server.asked)
        if change == "file":
            (plans / "b.png").write_bytes(encode(draw_plan((400, 300)), "PNG"))
        more = {"option": ["--confidence", "0.5"], "again": ["--again"]}.get(change, [])
        assert 0 == main([*command, other.url if change == "server" else server.url, *more])

        assert 2 == first
        assert asked_again == len(server.asked) - first + len(other.asked)


def test_pages_that_are_wanted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of documents; `--page` is understood as well."""
    with answering(good) as server:
        plan = str(folder / "set.pdf")
        assert 0 == main(["detect", plan, "--url", server.url, "--pages", "1,3-"])
        assert 0 == main(["detect", plan, "--url", server.url, "--page", "2"])
        assert 1 == main(["detect", plan, "--url", server.url, "--pages", "7"])

    answers = lines(capsys)
    assert [1, 3, 2] == [answer["page"] for answer in answers[:3]]
    assert "has none of the pages that were asked for, but 3" in answers[3]["message"]


@pytest.mark.parametrize(
    ("text", "pages"),
    [("all", [1, 2, 3, 4]), ("2", [2]), ("1,3-4", [1, 3, 4]), ("3-", [3, 4]), ("4-9", [4]),
     ("2, 2", [2]), ("5", [])],
)  # fmt: skip
def test_ranges_of_pages(text: str, pages: list[int]) -> None:
    """Of a document of four."""
    assert pages == page_range(text)(4)


@pytest.mark.parametrize("text", ["", "0", "a", "1-2-3", "-2", "1,", "1.5", "9999999"])
def test_what_are_no_pages(text: str) -> None:
    """Is told as bad usage."""
    with pytest.raises(argparse.ArgumentTypeError, match="are no pages; some are 2, 1,3-5"):
        page_range(text)


def test_drawings(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One a page; into a folder or, for one file, as it is named."""
    with answering(good) as server:
        url = ["--url", server.url]
        plan = str(folder / "set.pdf")
        assert 0 == main(["detect", plan, *url, "--draw", str(tmp_path / "drawn")])
        assert 0 == main(["detect", plan, *url, "--draw", str(tmp_path / "one.jpg")])
        assert 0 == main(["detect", plan, *url, "--pages", "2", "--draw", str(tmp_path / "x.png")])
        for name in ("a.png", "notes.txt"):
            picture = folder / "a.png"
            args = ["detect", str(picture), *url, "--draw", str(folder / name)]
            assert 2 == main(args)

        within = ["detect", str(folder), *url, "--pages", "1", "--draw", str(folder / "drawn")]
        counts = []
        for _ in range(2):
            before = len(server.asked)
            main(within)
            counts.append(len(server.asked) - before)

    assert [4, 4] == counts  # a drawing is no plan
    assert {"set-p1.png", "set-p2.png", "set-p3.png"} == {
        path.name for path in (tmp_path / "drawn").iterdir()
    }
    assert {"one-p1.jpg", "one-p2.jpg", "one-p3.jpg", "x-p2.png"} == {
        path.name for path in tmp_path.iterdir() if path.is_file()
    }
    with Image.open(tmp_path / "one-p1.jpg") as drawn:
        assert (1600, 1000) == drawn.size
    err = capsys.readouterr().err
    assert "would overwrite that plan" in err
    assert "a drawing is .png" in err
    assert PNG == (folder / "a.png").read_bytes()


def test_one_file(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of formats that have one; the others say what they need."""
    with answering(good) as server:
        url = ["--url", server.url]
        for name in ("out.csv", "out.dxf", "out.svg", "out.pdf", "out.geojson", "out.json"):
            kind = name.partition(".")[2]
            to = str(tmp_path / name)
            assert 0 == main(["detect", str(folder / "a.png"), *url, "--format", kind, "-o", to])
            assert (tmp_path / name).stat().st_size > 50
        set_pdf = str(folder / "set.pdf")
        all_pages = ["detect", set_pdf, *url, "--format"]
        assert 0 == main([*all_pages, "pdf", "-o", str(tmp_path / "all.pdf")])
        assert 2 == main([*all_pages, "svg", "-o", str(tmp_path / "all.svg")])
        assert 2 == main([*all_pages, "svg"])
        assert 0 == main([*all_pages, "geojson"])
        asked = len(server.asked)
        assert 2 == main([*all_pages, "yolo", "-o", str(tmp_path / "all.zip")])
        assert 2 == main([*all_pages, "yolo"])
        assert 2 == main([*all_pages, "dxf"])
        assert 2 == main([*all_pages, "csv", "--format", "json"])
        assert 2 == main([*all_pages, "csv", "-j", "0"])
        assert asked == len(server.asked)

    err = capsys.readouterr().err
    for said in ("svg has a file a page", "yolo is a folder", "yolo is not printed",
                 "or --out FILE.dxf", "several formats need a folder", "at least 1"):  # fmt: skip
        assert said in err


def test_a_table_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing else."""
    with answering(good) as server:
        plan = str(folder / "set.pdf")
        assert 0 == main(["detect", plan, "--url", server.url, "--format", "csv"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))

    assert ["1", "2", "3"] == [row["page"] for row in rows]
    assert ("100", "32.0", "pt") == (rows[0]["x_min"], rows[0]["left"], rows[0]["unit"])


def test_inputs(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file twice is once; of several folders names tell which; what is not there is told."""
    twice = find_files([folder / "a.png", folder])
    assert 4 == len(twice)
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.png").write_bytes(PNG)
    names = [file.name for file in find_files([folder, other])]
    assert 5 == len(set(names))
    assert [] == [file.name for file in find_files([folder], [folder / "upper floor"])
                  if "upper" in file.name]  # fmt: skip
    assert 1 == main(["detect", str(tmp_path / "gone")])
    (tmp_path / "empty").mkdir()
    assert 1 == main(["detect", str(tmp_path / "empty")])
    err = capsys.readouterr().err
    assert "gone is not there" in err
    assert "empty holds no .bmp" in err


def test_names_of_what_is_written() -> None:
    """No two are alike, even where the file system takes no notice of case."""
    stems = Stems()
    names = ["plan.png", "plan.pdf", "Plan.tiff", "sub/plan.png", "sub/plan.pdf", "/a/sub/plan.pdf",
             "../up.png", 'a:b?"c.png']  # fmt: skip
    given = [stems.of(name) for name in names]

    assert given == [stems.of(name) for name in names]
    assert len(given) == len({stem.lower() for stem in given})
    assert ["plan", "plan_pdf", "Plan_tiff", "sub__plan", "sub__plan_pdf", "sub__plan_pdf-2", "up",
            "a_b__c"] == given  # fmt: skip
    assert "plan_png" == Stems({"x/plan.png": "plan"}).of("plan.png")
