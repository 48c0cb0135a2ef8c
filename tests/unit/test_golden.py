# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an answer to the golden plan must have, and which archives are none."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from roomdet import network
from serving import golden
from serving.errors import ArchiveError, WrongAnswer
from serving.golden import Golden, judge_answer, read_golden

if TYPE_CHECKING:
    from pathlib import Path

HALL, BATH = (100.4, 100.4, 300.6, 200.6), (500.0, 500.0, 520.0, 520.0)
GOLDEN = Golden("1.0", b"", (HALL, BATH))


def answer(*rooms: tuple[list[int], float]) -> str:
    """An answer with rooms of a box and a confidence."""
    found = [
        {"id": f"room_{number:03}", "bounding_box": box, "confidence": confidence}
        for number, (box, confidence) in enumerate(rooms, 1)
    ]
    return json.dumps({"status": "success", "processing_time_ms": 3, "detected_rooms": found})


AT_HALL, AT_BATH = ([100, 100, 301, 201], 0.9), ([499, 501, 521, 519], 0.8)


def test_the_limits_are_the_workers() -> None:
    """A network that a worker accepts is not refused by the client."""
    assert network.EXPECTED_IOU == golden.EXPECTED_IOU
    assert network.SURPRISE_CONFIDENCE == golden.SURPRISE_CONFIDENCE


@pytest.mark.parametrize(
    ("rooms", "golden_plan", "count"),
    [
        pytest.param([AT_HALL, AT_BATH], GOLDEN, 2, id="rounded"),
        pytest.param([AT_HALL, AT_BATH, ([0, 0, 9, 9], 0.6)], GOLDEN, 3, id="one-more-in-doubt"),
        pytest.param([AT_BATH, ([98, 101, 304, 203], 0.5)], GOLDEN, 2, id="in-another-arithmetic"),
        pytest.param([([0, 0, 9, 9], 0.9)], Golden("1", b"", ()), 1, id="nothing-is-expected"),
    ],
)
def test_a_right_answer(
    rooms: list[tuple[list[int], float]], golden_plan: Golden, count: int
) -> None:
    """Expected rooms are there, and nothing certain beside them."""
    assert count == judge_answer(answer(*rooms), golden_plan)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param(answer(), "2 of 2 expected", id="nothing"),
        pytest.param(answer(AT_HALL), "1 of 2 expected", id="one-missed"),
        pytest.param(answer(AT_HALL, AT_BATH, ([0, 0, 9, 9], 0.61)), "1 unexpected", id="surprise"),
        pytest.param(answer(AT_HALL, ([503, 503, 523, 523], 0.9)), "1 of 2 exp", id="shifted"),
        pytest.param(answer(AT_HALL, ([520, 520, 500, 500], 0.9)), "1 of 2", id="inside-out"),
        pytest.param(answer(AT_HALL, ([1, 2], 0.9)), "another form", id="half-a-box"),
        pytest.param("no JSON", "another form", id="no-json"),
    ],
)
def test_a_wrong_answer_is_refused(body: str, message: str) -> None:
    """With how much is missing."""
    with pytest.raises(WrongAnswer, match=message):
        judge_answer(body, GOLDEN)


def test_the_default_archives_plan_is_read(archive: Path) -> None:
    """Version, picture and rooms."""
    found = read_golden(archive)

    assert found.version == "1.0"
    assert found.plan.startswith(b"\x89PNG")
    assert all(0 <= x <= 1000 for box in found.boxes_xyxy_grid for x in box)
    assert len(found.boxes_xyxy_grid) > 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"network.json": None}, "network.json", id="no-network"),
        pytest.param({"network.json": {"golden": [{}]}}, "box_xyxy_norm", id="no-box"),
        pytest.param(
            {"network.json": {"golden": [{"box_xyxy_norm": [1]}]}}, "form is unknown", id="half-box"
        ),
        pytest.param({"MAR-INF/MANIFEST.json": {"model": {}}}, "modelVersion", id="no-version"),
        pytest.param({"golden.png": None}, "golden.png", id="no-plan"),
    ],
)
def test_what_is_no_archive_is_refused(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """Before anything is asked of a server."""
    files = {
        "MAR-INF/MANIFEST.json": {"model": {"modelVersion": "1"}},
        "network.json": {"golden": []},
        "golden.png": {},
    } | changes
    path = tmp_path / "rooms.mar"
    with zipfile.ZipFile(path, "w") as target:
        for name, content in files.items():
            if content is not None:
                target.writestr(name, json.dumps(content))

    with pytest.raises(ArchiveError, match=message):
        read_golden(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """And one that is no zip."""
    with pytest.raises(ArchiveError, match=r"there is no archive .*: `make archive` packs one"):
        read_golden(tmp_path / "rooms.mar")
    (tmp_path / "text.mar").write_text("text")
    with pytest.raises(ArchiveError, match="no archive of the room detector"):
        read_golden(tmp_path / "text.mar")
