# SPDX-License-Identifier: AGPL-3.0-or-later
"""Names and areas of answers are judged beside what is known, or beside what is printed."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from evaluation.facts import main, match_rooms, plain_name

if TYPE_CHECKING:
    from pathlib import Path

ROOM = [[100, 100], [300, 100], [300, 200], [100, 200]]
OTHER = [[400, 100], [600, 100], [600, 300], [400, 300]]
TRUTH = {
    "image": "sheet.pdf",
    "page_wh_pt": [1000, 500],
    "rooms": [
        {"polygon": ROOM, "m2": 20.0, "type": "KÖK 2"},
        {"polygon": OTHER, "m2": 40.0, "type": "HALL"},
        {"polygon": [[700, 100], [800, 100], [800, 200]], "m2": 5.0},
    ],
}


def room(box: list[int], **facts: object) -> dict[str, Any]:
    """A room of an answer, whose grid is 1000 wide and high."""
    return {"id": f"room_{box[0]:03}", "bounding_box": box, **facts}


def area(m2: float) -> dict[str, Any]:
    """An answered area."""
    return {"m2": m2, "scale": "1:100", "scale_source": "title_block"}


ANSWER = {
    "detected_rooms": [
        room(
            [100, 200, 300, 400],
            name_hint="kok",
            polygon=[[100, 200], [300, 200], [300, 400], [100, 400], [100, 200]],
            area=area(20.9),
        ),
        room([101, 200, 300, 400], name_hint="HALL", area=area(20)),  # found twice
        room([400, 200, 600, 600], name_hint=None, area=None, area_reason="No."),
        room([0, 900, 50, 999], name_hint="HALL", area=area(1)),
    ]
}


def judged(folder: Path, answer: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> object:
    """What the command says of a kept answer for the known sheet."""
    answers = folder / "answers"
    answers.mkdir()
    (answers / "sheet.json").write_text(json.dumps(answer))
    (folder / "rooms.jsonl").write_text(json.dumps(TRUTH) + "\n")
    assert main([str(folder), "--answers", str(answers)]) == 0
    return json.loads(capsys.readouterr().out)


def test_sheets_are_judged_by_what_is_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rooms that were found once each; names without case and numbers; areas within 5 %."""
    report = judged(tmp_path, ANSWER, capsys)

    assert isinstance(report, dict)
    assert (report["rooms"], report["found"], report["with_polygon"]) == (3, 2, 1)
    assert report["names"] == {"written": 2, "right": 1, "wrong": 0, "none": 1}
    assert report["areas"] == {
        "answered": 1,
        "within_5_percent": 1,
        "median_off_percent": 4.5,
        "sources": {"title_block": 1},
        "reasons": {"No.": 1},
    }


def test_an_answer_without_rooms_is_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As none found."""
    report = judged(tmp_path, {"detected_rooms": []}, capsys)

    assert isinstance(report, dict)
    assert report["found"] == 0
    assert report["areas"]["median_off_percent"] is None


def test_the_surest_finding_has_the_room() -> None:
    """Others of it are not counted."""
    pairs = match_rooms(TRUTH, ANSWER)

    assert [found["id"] for _, found in pairs] == ["room_100", "room_400"]


@pytest.mark.parametrize(
    ("first", "second"),
    [("KÖK 2", "kok"), ("TREATMENT ROOM CPT-1", "Treatment Room CPT"), ("", "12"), ("A/B", "a b")],
)
def test_names_are_compared_without_what_is_no_name(first: str, second: str) -> None:
    """Case, accents, numbers, punctuation."""
    assert plain_name(first) == plain_name(second)


def test_printed_areas_stand_beside_the_answered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the smallest room that holds each, with what is off, or the reason."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(1000, 1000))
    for text, x, y in (("20 m2", 180, 700), ("100 SF", 480, 700), ("5 m2", 850, 100)):
        canvas.drawString(x, y, text)
    canvas.save()
    pdf = tmp_path / "plan.pdf"
    pdf.write_bytes(buffer.getvalue())
    (tmp_path / "plan.json").write_text(json.dumps(ANSWER))

    assert main([str(pdf), "--answers", str(tmp_path)]) == 0

    first, second, third = json.loads(capsys.readouterr().out)
    assert (first["printed"], first["m2"], first["off_percent"]) == ("20 m2", 20, 0.0)
    assert (second["printed_m2"], second["room"], second["reason"]) == (9.29, "room_400", "No.")
    assert third == {"printed": "5 m2", "printed_m2": 5.0, "reason": "no room was found there"}


def test_without_an_answer_a_server_is_needed(tmp_path: Path) -> None:
    """The message says how to name one."""
    pdf = tmp_path / "plan.pdf"
    pdf.write_bytes(b"")

    with pytest.raises(SystemExit, match=r"no answer for plan.pdf: name a server with --url"):
        main([str(pdf)])
