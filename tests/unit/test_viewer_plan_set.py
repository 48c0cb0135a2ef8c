# SPDX-License-Identifier: AGPL-3.0-or-later
"""Corrected plans are read by training and by pycocotools as they are."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from plans.plan_sets import read_plan_set
from roomdet_client.viewer.errors import ViewerError
from roomdet_client.viewer.plan_set import PlanSet, Room, parse_rooms, picture_size

if TYPE_CHECKING:
    from pathlib import Path

ROOMS = (
    Room((0.1, 0.2, 0.5, 0.6), 0.91, accepted=True),
    Room((0.0, 0.0, 1.0, 0.1), None, accepted=True),
    Room((0.7, 0.7, 0.9, 0.9), 0.4, accepted=False),
)


def picture(width: int = 400, height: int = 200) -> bytes:
    """A white page."""
    buffer = io.BytesIO()
    Image.new("L", (width, height), 255).save(buffer, "PNG")
    return buffer.getvalue()


def save(folder: Path, document: str = "house.pdf", page: int = 1, **changes: Any) -> str:
    """Save a page with ROOMS; the name of its picture."""
    rooms = changes.get("rooms", ROOMS)
    saved = PlanSet(folder).save(
        document, page, picture(), ".png", (400, 200), rooms, complete=changes.get("complete", True)
    )
    return saved.picture


def test_training_reads_what_was_accepted(tmp_path: Path) -> None:
    """Accepted and drawn rooms arrive, drafts do not; pages of one document stay one plan."""
    save(tmp_path)
    save(tmp_path, page=2, rooms=(), complete=False)

    first, second = read_plan_set(tmp_path).samples

    assert np.allclose(first.boxes_xywhn, [[0.3, 0.4, 0.4, 0.4], [0.5, 0.05, 1.0, 0.1]], atol=1e-6)
    assert (first.is_complete, second.is_complete) == (True, False)
    assert first.plan == second.plan == "house.pdf"
    assert len(second.boxes_xywhn) == 0
    assert first.size_hw == (200, 400)


def test_pycocotools_reads_what_was_accepted(tmp_path: Path) -> None:
    """The same rooms in pixels, and file names that exist."""
    save(tmp_path)

    read = COCO(tmp_path / "annotations.json")

    assert [note["bbox"] for note in read.loadAnns(read.getAnnIds())] == [
        [40, 40, 160, 80],
        [0, 0, 400, 20],
    ]
    (image,) = read.loadImgs(read.getImgIds())
    assert (tmp_path / "images" / image["file_name"]).exists()


def test_a_page_saved_again_takes_its_own_place(tmp_path: Path) -> None:
    """Other pages, and what was learned before, stay as they were."""
    save(tmp_path)
    save(tmp_path, page=2)
    assert save(tmp_path, rooms=ROOMS[:1]) == "house-p1.png"

    plan_set = PlanSet(tmp_path)
    assert [len(page.rooms) for page in plan_set.pages()] == [1, 3]
    found = plan_set.find("house.pdf", 2)
    assert found
    assert found.rooms == ROOMS
    assert read_plan_set(tmp_path).rooms == 3
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    ("documents", "pictures"),
    [
        (["a.png", "a.jpg"], ["a.png", "a-2.png"]),
        (["A.png", "a.png"], ["A.png", "a-2.png"]),
        (["../..", "x/y z.pdf"], ["plan.png", "y-z-p1.png"]),
        (["...", "-"], ["plan.png", "plan-2.png"]),
        (["Grundriß 1.pdf"], ["Grundriß-1-p1.png"]),
    ],
)
def test_file_names_are_plain_and_never_shared(
    tmp_path: Path, documents: list[str], pictures: list[str]
) -> None:
    """Two documents never end in one picture, and none outside the folder."""
    assert [save(tmp_path, document) for document in documents] == pictures
    assert len(list((tmp_path / "images").iterdir())) == len(documents)


def test_somebody_elses_plan_set_is_left_alone(tmp_path: Path) -> None:
    """Labels that the viewer did not write are not written over."""
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "house-p1.txt").write_text("0 0.5 0.5 1 1\n")

    with pytest.raises(ViewerError, match="did not write"):
        save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["labels"]


@pytest.mark.parametrize("content", ["", "[]", '{"version": 1}', '{"version": 9, "pages": []}'])
def test_a_damaged_state_is_an_error(tmp_path: Path, content: str) -> None:
    """Nothing is overwritten where the last state can't be read."""
    (tmp_path / "viewer.json").write_text(content)

    with pytest.raises(ViewerError, match=r"viewer\.json"):
        save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["viewer.json"]


BOX = {"box": [0.1, 0.1, 0.2, 0.2], "confidence": 0.5, "accepted": True}


@pytest.mark.parametrize(
    "sent",
    [
        None,
        {},
        [1],
        [{}],
        [{**BOX, "box": [0.1, 0.1, 0.2]}],
        [{**BOX, "box": [0.1, 0.1, 0.2, 1.2]}],
        [{**BOX, "box": [0.2, 0.1, 0.1, 0.2]}],
        [{**BOX, "box": [float("nan"), 0.1, 0.1, 0.2]}],
        [{**BOX, "box": ["a", 0, 1, 1]}],
        [{**BOX, "confidence": 2}],
        [BOX] * 5001,
    ],
)
def test_rooms_of_another_form_are_refused(sent: Any) -> None:
    """Only boxes with an area inside the page are taken."""
    with pytest.raises(ViewerError):
        parse_rooms(sent)


def test_rooms_survive_their_way_through_json() -> None:
    """What the page sends is what it gets again."""
    sent = [
        {"box": room.box, "confidence": room.confidence, "accepted": room.accepted}
        for room in ROOMS
    ]
    assert parse_rooms(json.loads(json.dumps(sent))) == ROOMS


@pytest.mark.parametrize(
    ("size", "expected"),
    [((8320, 4000), (4160, 2000)), ((300, 200), (300, 200)), ((16384, 1), (4160, 1))],
)
def test_pictures_are_as_large_as_a_server_looks(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    """A larger one would never be seen in training."""
    assert picture_size(size) == expected
