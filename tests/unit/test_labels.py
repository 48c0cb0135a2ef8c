# SPDX-License-Identifier: AGPL-3.0-or-later
"""Names of rooms out of lines of text."""

from __future__ import annotations

import numpy as np
import pytest

from roomdet.labels import (
    MOST_CHARS,
    MOST_LINES,
    MOST_WORDS,
    RoomLabel,
    find_labels,
    name_rooms,
)
from roomdet.texts import TextLine

WH = (1000.0, 1000.0)
LETTER = 12.0  # height of a line, thousandths of the page
ROOM = (100.0, 100.0, 300.0, 300.0)
MIDDLE = (200.0, 200.0)


def line(
    text: str, at: tuple[float, float] = MIDDLE, *, turn: int = 0, height: float = LETTER
) -> TextLine:
    """A line about a point, as wide as its letters make it."""
    wide, high = len(text) * height * 0.6 / 2, height / 2
    if turn in (90, 270):
        wide, high = high, wide
    x, y = at
    box = ((x - wide) / 1000, (y - high) / 1000, (x + wide) / 1000, (y + high) / 1000)
    return TextLine(text, box, turn)


def names(lines: list[TextLine], *rooms: tuple[float, ...]) -> list[str | None]:
    """What rooms are called, their corners in thousandths."""
    boxes = np.array(rooms or [ROOM], np.float32).reshape(-1, 4) / np.float32(1000)
    return [label.name if label else None for label in name_rooms(lines, boxes, WH)]


def below(number: int) -> tuple[float, float]:
    """The middle of a line so many lines below the room's middle."""
    return MIDDLE[0], MIDDLE[1] + number * 1.2 * LETTER


@pytest.mark.parametrize(
    "text",
    ["KITCHEN", "Living room", "WC", "FÖRRÅD", "Küche/Essen", "Salle d'eau", "ELEVATOR LOBBY #3",
     "W.I.C.", "CONFERENCE/BREAK", "Спальня", "Bedroom 2"],
)  # fmt: skip
def test_name(text: str) -> None:
    """A word, whatever its language and letters."""
    assert [text] == names([line(text)])


@pytest.mark.parametrize(
    "text",
    ["134", "A-101", "12'-6\"", "3.60 x 4.20", "189 SF", "12,5 m²", "UP", "DN", "CLG. 9'-0\"", "-",
     "SEE DETAIL 4", "TYP.", "FLOOR FINISH TRANSITION", "NO WORK THIS AREA", "UNIT A1.1", "DW",
     "x", "°", "ALIGN CPT TO WALL", "STAINLESS STEEL ITEMS SHALL NOT BE PAINTED OR COVERED UP"],
)  # fmt: skip
def test_no_name(text: str) -> None:
    """Numbers, dimensions, areas, notes, what stairs and appliances are marked with."""
    assert [None] == names([line(text)])


def test_lines_that_stand_together_are_one_name() -> None:
    """The number above or below and the area are no part of it."""
    tag = [
        line("134"),
        line("MULTI -", below(1)),
        line("PURPOSE", below(2)),
        line("ROOM", below(3)),
    ]
    assert ["MULTI - PURPOSE ROOM"] == names([*tag, line("640 SF", below(4))])


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_turned_label_reads_in_its_own_direction(turn: int) -> None:
    """The second line is to the left of the first where both read downwards, and so on."""
    step = 1.2 * LETTER
    x, y = {0: (0, step), 90: (-step, 0), 180: (0, -step), 270: (step, 0)}[turn]
    second = (MIDDLE[0] + x, MIDDLE[1] + y)
    assert ["LOW VOLTAGE"] == names([line("LOW", turn=turn), line("VOLTAGE", second, turn=turn)])


def test_label_belongs_to_the_smallest_room_around_it() -> None:
    """A closet in the corner of a bedroom has its own name, and the bedroom keeps its."""
    closet = (100.0, 100.0, 160.0, 160.0)
    lines = [line("BEDROOM"), line("CLO.", (130.0, 130.0))]
    assert ["BEDROOM", "CLO."] == names(lines, ROOM, closet)


def test_label_goes_to_no_room_that_is_much_less_sure() -> None:
    """A weak box around nothing but the label takes nothing from its room."""
    boxes = np.array([ROOM, (150, 180, 250, 220)], np.float32) / np.float32(1000)
    for score, expected in ((0.3, ["HALL", None]), (0.6, [None, "HALL"])):
        found = name_rooms([line("HALL")], boxes, WH, np.array([0.9, score], np.float32))
        assert expected == [label and label.name for label in found]


def test_room_without_a_label_has_no_name() -> None:
    """Also one beside which a name stands."""
    assert [None, "HALL"] == names([line("HALL", (500.0, 500.0))], ROOM, (400, 400, 600, 600))


def test_lines_of_several_rooms_are_not_one_label() -> None:
    """Of small rooms one below the other the labels stand as close as lines of one."""
    upper, lower = (100.0, 100.0, 300.0, 207.0), (100.0, 207.0, 300.0, 300.0)
    lines = [line("LIFT PIT", below(0)), line("LIFT MOTOR", below(1))]
    assert names(lines, ROOM) == ["LIFT PIT LIFT MOTOR"]
    assert names(lines, upper, lower) == ["LIFT PIT", "LIFT MOTOR"]
    assert names(lines, (100, 100, 300, 212)) == ["LIFT PIT LIFT MOTOR"]  # whose other is unknown


def test_area_stays_with_the_name_above_it() -> None:
    """Though its middle lies in the room below."""
    upper, lower = (0.1, 0.1, 0.3, 0.207), (0.1, 0.207, 0.3, 0.3)
    lines = [line("WC", below(0)), line("1.95 m²", below(1)), line("WORK ROOM", below(2))]
    boxes = np.array([upper, lower], np.float32)
    found = find_labels(lines, WH, boxes)
    assert [(label.name, len(label.areas)) for label in found] == [("WC", 1), ("WORK ROOM", 0)]


@pytest.mark.parametrize(
    ("is_part", "others", "expected"),
    [
        (True, [], ["STORAGE", "STORAGE"]),
        (False, [], [None, "STORAGE"]),
        (True, [line("SHOP", (400.0, 400.0))], ["SHOP", "STORAGE"]),
    ],
)
def test_room_without_a_label_has_that_of_its_part(
    *, is_part: bool, others: list[TextLine], expected: list[str | None]
) -> None:
    """If no wall is between them, and it has none itself."""
    boxes = np.array([(100, 100, 500, 500), (100, 100, 300, 300)], np.float32) / np.float32(1000)
    asked = []

    def parts(inner: int, outer: int) -> bool:
        asked.append((inner, outer))
        return is_part

    found = name_rooms([line("STORAGE"), *others], boxes, WH, is_part=parts)
    assert [label and label.name for label in found] == expected
    assert asked == ([] if others else [(1, 0)])


def test_neighbor_is_no_part() -> None:
    """A room of which a tenth or more lies outside is another one."""
    boxes = np.array([(100, 100, 500, 500), (60, 100, 300, 300)], np.float32) / np.float32(1000)
    found = name_rooms([line("STORAGE")], boxes, WH, is_part=lambda *_: True)
    assert [label and label.name for label in found] == [None, "STORAGE"]


def test_open_plan_has_all_names_in_reading_order() -> None:
    """With less confidence: perhaps it is two rooms."""
    lines = [line("DINING", (200.0, 260.0)), line("KITCHEN", (200.0, 130.0))]
    (label,) = name_rooms(lines, np.array([ROOM], np.float32) / np.float32(1000), WH)
    assert RoomLabel("KITCHEN / DINING", 0.7) == label
    assert ["KITCHEN"] == names([line("KITCHEN"), line("KITCHEN", (200.0, 280.0))])


def test_name_beats_smaller_letters() -> None:
    """Furniture and notes are written smaller than the name of their room."""
    assert ["OFFICE"] == names([line("OFFICE"), line("Copier", (150.0, 250.0), height=7)])


def test_name_with_a_number_beats_one_without() -> None:
    """What stands with a room's number is its name."""
    tag = [line("OFFICE"), line("147", below(1))]
    assert ["OFFICE"] == names([*tag, line("BENCH", (150.0, 280.0))])


def test_where_rooms_are_tagged_symbols_are_no_names() -> None:
    """On a page of tags a keynote of the same height names nothing, wherever it stands."""
    lines, rooms = [], []
    for number in range(9):
        x = 60.0 + 100 * number
        rooms.append((x - 45, 100.0, x + 45, 300.0))
        if number:
            lines += [line("OFFICE", (x, 180.0)), line(f"1{number:02d}", (x, 180 + 1.2 * LETTER))]
        lines += [line("CG", (x, 280.0)), line("DA", (x, 130.0), height=8)]
    lines.append(line("LOUNGE", (60.0, 200.0)))
    assert ["LOUNGE", *["OFFICE"] * 8] == names(lines, *rooms)


def test_paragraph_is_no_label() -> None:
    """Notes in a room of the drawing, or in a box that is none."""
    notes = ["Walls shown dashed", "belong to another", "contract and their", "surfaces stay as",
             "they are today"]  # fmt: skip
    assert [None] == names([line(text, below(number)) for number, text in enumerate(notes)])


def test_name_has_so_many_words_lines_and_letters() -> None:
    """What has one more of any is a note."""
    words = " ".join(["room"] * MOST_WORDS)
    letters = "x" * (MOST_CHARS - 5) + " hall"
    lines = [line("hall", below(number)) for number in range(MOST_LINES)]

    assert [words] == names([line(words)])
    assert [None] == names([line(f"{words} b")])
    assert [letters] == names([line(letters)])
    assert [None] == names([line(f"x{letters}")])
    assert [" ".join(["hall"] * MOST_LINES)] == names(lines)
    assert [None] == names([*lines, line("hall", below(MOST_LINES))])


def test_no_lines_and_no_rooms() -> None:
    """Nothing to read, or nothing to name."""
    assert [None] == names([])
    assert [] == name_rooms([line("HALL")], np.zeros((0, 4), np.float32), WH)
